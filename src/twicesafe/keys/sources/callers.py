"""Who sent a request, as far as the platform in front of the function says so.

What it says is in the scope, all of it together: it is a part of the key, so that two callers never share a record.
A platform proves more or less. One that has verified who it is (a token, an AWS identity) has proven the caller, whose
token may be renewed. An API key, a certificate or a principal may stand for many people: beside those, what the
caller shows is compared too (credentials.py). So is what distinguishes two sessions or certificates of one caller.
"""

from __future__ import annotations

from ..canonical import digest
from .authorizers import is_person, names_one, read_context
from .headers import joined
from .reading import get, known

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .headers import Headers

OF_COGNITO = "CognitoIdentityCredentials"
"""The session of all users of a Cognito identity pool, in the role that the pool gives them."""
OF_A_PERSON = "AWSReservedSSO_"
"""What the roles of IAM Identity Center are called; their sessions are called after the user.

https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
"""
OF_ALB = ("x-amzn-oidc-identity", "x-amzn-mtls-clientcert-subject", "x-amzn-mtls-clientcert-issuer")
OF_ALB_SESSIONS = (
    "x-amzn-oidc-accesstoken",
    "x-amzn-mtls-clientcert-serial-number",
    "x-amzn-mtls-clientcert",  # the chain of one that is passed through, which the load balancer does not verify
)


class Caller:
    """The caller of one request."""

    __slots__ = ("api_key", "details", "has_api_key", "is_proven", "is_signed", "scope", "session")

    def __init__(self) -> None:
        self.scope: dict[str, str] = {}  # tells callers apart: a part of the key
        self.is_proven = False  # it is known who that is, whatever they show
        self.is_signed = False  # the platform has verified the signature of SigV4 in their Authorization
        self.has_api_key = False  # the platform knows their API key; it may be shared by many
        self.api_key = ""  # what that is, where the event says it
        self.session: dict[str, str] = {}  # of one session, token or certificate: compared unless the caller is proven
        self.details: dict[str, str] = {}  # nobody knows what they say: compared

    @property
    def has_session_cookie(self) -> bool:
        """Whether a load balancer keeps the session in a cookie, which it renews."""
        return "x-amzn-oidc-identity" in self.scope


def of_rest_api(event: Any, headers: Headers) -> Caller:
    """Read the caller of a REST API, of an HTTP API in its format 1.0, or of a WebSocket API."""
    caller, context = Caller(), get(event, "requestContext")
    _authorizer(caller, get(context, "authorizer"))
    identity = get(context, "identity")
    _iam(caller, identity, "userArn", known(identity, "cognitoIdentityId"), headers)
    _certificate(caller, get(identity, "clientCert"))
    if key := known(identity, "apiKeyId"):
        caller.scope["apiKeyId"] = key
        caller.has_api_key, caller.api_key = True, known(identity, "apiKey")
    return caller


def of_http_api(event: Any, headers: Headers) -> Caller:
    """Read the caller of an HTTP API or a function URL.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html ("Request payload format": a function URL says
    nothing of a Cognito identity)
    """
    caller, context = Caller(), get(event, "requestContext")
    _token(caller, get(context, "authorizer/jwt/claims"))
    iam = get(context, "authorizer/iam")
    _iam(caller, iam, "userArn", known(iam, "cognitoIdentity/identityId"), headers)
    if isinstance(fields := get(context, "authorizer/lambda"), dict):
        read_context(caller, fields, "authorizer")
    _certificate(caller, get(context, "authentication/clientCert"))
    return caller


def of_alb(_: Any, headers: Headers) -> Caller:
    """Read the caller of an Application Load Balancer, which says it in headers.

    Anybody can write a header, and AWS promises nowhere that a listener rule without authentication takes these
    away ("you must verify the signature before doing any authorization based on the claims"). So they tell callers
    apart, but prove none: the access token, which only the load balancer and the function see, is compared.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/mutual-authentication.html
    """
    caller = Caller()
    for found, names in ((caller.scope, OF_ALB), (caller.session, OF_ALB_SESSIONS)):
        found.update((name, value) for name in names if (value := joined(headers, name)))
    return caller


def of_lattice(event: Any, headers: Headers) -> Caller:
    """Read the caller of a VPC Lattice service.

    https://docs.aws.amazon.com/vpc-lattice/latest/ug/lambda-functions.html
    """
    identity = get(event, "requestContext/identity")
    return _of_lattice(identity if isinstance(identity, dict) else {}, headers)


def of_lattice_1(_: Any, headers: Headers) -> Caller:
    """Read the caller of a VPC Lattice service in its events' version 1, which has them in a header.

    "The caller identity headers can't be spoofed. VPC Lattice strips these headers from any incoming requests."
    https://docs.aws.amazon.com/vpc-lattice/latest/ug/http-targets.html
    """
    fields = lattice_fields(joined(headers, "x-amzn-lattice-identity"))
    return _of_lattice({**fields, "principal": fields.get("Principal")}, headers)


def lattice_fields(header: str) -> dict[str, str]:
    """Read the fields of one of VPC Lattice's headers; a semicolon in a value stands behind a backslash."""
    pairs = [field.partition("=") for field in header.replace("\\;", "\0").split(";")]
    return {name.strip(): value.strip().replace("\0", ";") for name, _, value in reversed(pairs)}


def _of_lattice(identity: dict[str, Any], headers: Headers) -> Caller:
    """Read a principal, and the fields of a Roles Anywhere certificate, whose names begin with X509."""
    caller = Caller()
    _iam(caller, identity, "principal", "", headers)
    for name, value in identity.items():
        if name.lower().startswith("x509") and isinstance(value, str) and value:
            caller.scope["".join(filter(str.isalnum, name.lower()))] = value
    return caller


def of_appsync(event: Any, headers: Headers) -> Caller:
    """Read the caller of an AppSync API, by each of its ways to authorize.

    https://docs.aws.amazon.com/appsync/latest/devguide/resolver-context-reference.html (Identity)
    """
    caller, identity = Caller(), get(event, "identity")
    issuer = known(identity, "issuer") or known(identity, "claims/iss")
    _token(caller, {"sub": get(identity, "sub"), "iss": issuer})
    _iam(caller, identity, "userArn", known(identity, "cognitoIdentityId"), headers)
    if isinstance(fields := get(identity, "resolverContext"), dict):
        read_context(caller, fields, "resolverContext")
    if not caller.scope and (name := known(identity, "username")):
        caller.scope["username"], caller.is_proven = name, names_one(name)
    if identity is None and (key := joined(headers, "x-api-key")):
        caller.scope["x-api-key"] = digest(key)
        caller.has_api_key = True
    return caller


def _authorizer(caller: Caller, authorizer: Any) -> None:
    """Add what stands under `authorizer` in a REST API: the claims of a token, or a Lambda authorizer's context."""
    if not isinstance(authorizer, dict):
        return
    if isinstance(claims := authorizer.get("claims"), dict):
        _token(caller, claims)
        authorizer = {name: value for name, value in authorizer.items() if name not in ("claims", "scopes")}
    if principal := known(authorizer, "principalId"):
        caller.scope["principalId"] = principal
    read_context(caller, authorizer, "authorizer")


def _token(caller: Caller, claims: Any) -> None:
    """Add a token that the platform has verified. A subject is unique within its issuer (RFC 7519, 4.1.2)."""
    name = next((name for name in ("sub", "client_id") if known(claims, name)), None)
    if name is not None:
        caller.scope[name] = known(claims, name)
        caller.is_proven = names_one(caller.scope[name])
    if name != "sub" and isinstance(claims, dict):  # a client has many users
        caller.scope.update(
            (claim, known(claims, claim)) for claim in claims if is_person(claim) and known(claims, claim)
        )
    if issuer := known(claims, "iss"):
        caller.scope["iss"] = issuer


def _iam(caller: Caller, identity: Any, name: str, cognito_identity: str, headers: Headers) -> None:
    """Add an AWS identity, whose ARN has this name.

    A role is one for many: an application acts in it for all of its users, and CloudFront for all viewers. So it
    proves nobody unless the name of its session is a person's, and what else the caller shows is compared. All users
    of a Cognito identity pool share one role, and one name of its sessions: where the platform does not say which user
    it is, their access key is compared too, which is another in each session.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-lambda.html
    """
    arn, access_key = known(identity, name), known(identity, "accessKey")
    if cognito_identity:
        caller.scope["cognitoIdentityId"] = cognito_identity
    if arn:
        caller.scope[name] = without_session(arn)
    elif access_key:
        caller.scope["accessKey"] = access_key
    if arn.endswith(f"/{OF_COGNITO}") and not cognito_identity:
        caller.session["accessKey"] = access_key or _signing_key(headers)
        caller.is_signed = bool(caller.session["accessKey"])
    elif arn or access_key or cognito_identity:
        caller.is_signed = True
        caller.is_proven = caller.is_proven or bool(cognito_identity) or _is_of_a_person(arn)


def _signing_key(headers: Headers) -> str:
    """Return the access key in an Authorization of SigV4: AWS4-HMAC-SHA256 Credential=KEY/DATE/...

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
    """
    return joined(headers, "authorization").partition("Credential=")[2].partition("/")[0]


def _is_of_a_person(arn: str) -> bool:
    """Tell an IAM user, or a session that is called after the person, from what may stand for many."""
    _, _, service, *_, resource = arn.split(":", 5) if arn.count(":") >= 5 else ("", "", "", "")
    if service == "iam":
        return resource.startswith("user/")
    return resource.count("/") >= 2 and resource.startswith("assumed-role/") and without_session(arn) == arn


def without_session(arn: str) -> str:
    """Return an assumed role without the name of its session, which is another in each, unless that is a person's.

    IAM Identity Center calls a session after the user, and SAML federation mostly by their mail address.
    """
    role, _, session = arn.rpartition("/")
    if ":assumed-role/" not in role or "@" in session or role.rpartition("/")[2].startswith(OF_A_PERSON):
        return arn
    return role


def _certificate(caller: Caller, certificate: Any) -> None:
    """Add a client certificate: its subject in the scope, and which of the subject's certificates it is compared.

    A CA may give many clients the same subject, and tell them apart by another field (SPIFFE does).
    """
    for name, field in (("certificateSubject", "subjectDN"), ("certificateIssuer", "issuerDN")):
        if value := known(certificate, field):
            caller.scope[name] = value
    for field in ("serialNumber", "clientCertPem"):
        if value := known(certificate, field):
            caller.session["certificate"] = value
            return
