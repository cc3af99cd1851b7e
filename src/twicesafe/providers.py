"""How long outside systems remember an idempotency key, and in which header they take it.

Each row names the page that says so. A provider that publishes nothing has no horizon: nothing is guarded there.
"""

from __future__ import annotations

from .protocol.records import Millis
from .tuples import NamedTuple

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Provider(NamedTuple):
    """One outside system."""

    horizon: Millis | None  # None: it is not published
    source: str
    header: str = "Idempotency-Key"


AWS = "https://docs.aws.amazon.com/"

PROVIDERS: dict[str, Provider] = {
    # "can be removed from the system automatically after they're at least 24 hours old"
    "stripe": Provider(Millis(DAY), "https://docs.stripe.com/api/idempotent_requests"),
    # of orders; payments and payouts keep them longer
    "paypal": Provider(
        Millis(6 * HOUR), "https://developer.paypal.com/api/orders/v2/orders-create", "PayPal-Request-Id"
    ),
    "checkout.com": Provider(
        Millis(DAY), "https://www.checkout.com/docs/payments/manage-payments/idempotency", "Cko-Idempotency-Key"
    ),
    "ppro": Provider(
        Millis(DAY),
        "https://developerhub.ppro.com/global-api/reference/api-requests-idempotency",
        "Request-Idempotency-Key",
    ),
    "qonto": Provider(
        Millis(30 * MINUTE),
        "https://docs.qonto.com/get-started/general/idempotent-requests",
        "X-Qonto-Idempotency-Key",
    ),
    "nuvei": Provider(
        Millis(15 * MINUTE),
        "https://docs.nuvei.com/documentation/additional-links/rest-2-0/features/idempotency-support",
    ),
    "check": Provider(Millis(DAY), "https://docs.checkhq.com/docs/idempotent-requests", "X-Idempotency-Key"),
    "banked": Provider(Millis(30 * DAY), "https://docs.banked.com/merchant/overview/idempotency"),
    # its two pages on it say 30 days and 6 hours: the shorter one
    "truelayer": Provider(Millis(6 * HOUR), "https://docs.truelayer.com/docs/idempotency"),
    "square": Provider(None, "https://developer.squareup.com/forums/t/28303"),
    "dynamodb.TransactWriteItems": Provider(
        Millis(10 * MINUTE), AWS + "amazondynamodb/latest/APIReference/API_TransactWriteItems.html"
    ),
    "sqs.SendMessage": Provider(
        Millis(5 * MINUTE), AWS + "AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"
    ),
    "sqs.SendMessageBatch": Provider(
        Millis(5 * MINUTE), AWS + "AWSSimpleQueueService/latest/APIReference/API_SendMessageBatchRequestEntry.html"
    ),
    "sns.Publish": Provider(Millis(5 * MINUTE), AWS + "sns/latest/api/API_Publish.html"),
    "sns.PublishBatch": Provider(Millis(5 * MINUTE), AWS + "sns/latest/api/API_PublishBatchRequestEntry.html"),
    # 90 days, which an account can have lowered to 30
    "stepfunctions.StartExecution": Provider(
        Millis(30 * DAY), AWS + "step-functions/latest/dg/express-at-least-once-execution.html"
    ),
    "stepfunctions.RedriveExecution": Provider(
        Millis(15 * MINUTE), AWS + "step-functions/latest/apireference/API_RedriveExecution.html"
    ),
    "ecs.RunTask": Provider(Millis(DAY), AWS + "AmazonECS/latest/APIReference/ECS_Idempotency.html"),
    "cloudcontrol.CreateResource": Provider(
        Millis(36 * HOUR), AWS + "cloudcontrolapi/latest/APIReference/API_CreateResource.html"
    ),
    "verifiedpermissions.CreatePolicy": Provider(
        Millis(8 * HOUR), AWS + "verifiedpermissions/latest/apireference/API_CreatePolicy.html"
    ),
    "connect.StartOutboundVoiceContact": Provider(
        Millis(7 * DAY), AWS + "connect/latest/APIReference/API_StartOutboundVoiceContact.html"
    ),
}
