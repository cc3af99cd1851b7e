"""Audits as one page that needs nothing else: no script, and no file from elsewhere.

The page is a tree of elements, and whatever a handler did is text in it, never markup.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Tree

from .text import again, because, counts
from .timeline import steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeAlias

    from ..results import Audit, Finding
    from .timeline import Step

    Element: TypeAlias = Tree.Element


def as_html(audits: Sequence[Audit], errors: Sequence[tuple[str, str, str]]) -> str:
    """The page.

    Args:
        errors: handler, event and message of those that could not be made.
    """
    style = (files(__package__) / "page.css").read_text("utf-8")
    title = "twicesafe audit" if len(audits) != 1 else f"twicesafe audit: {audits[0].handler}"
    head = [
        _tag("meta", charset="utf-8"),
        _tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        _tag("title", title),
        _tag("style", style),
    ]
    several = [_overview(audits, errors)] if len(audits) + len(errors) > 1 else []
    main = _tag(
        "main",
        _tag("h1", "twicesafe audit"),
        *several,
        *(_audit(audit, str(place)) for place, audit in enumerate(audits)),
    )
    page = _tag("html", _tag("head", *head), _tag("body", main), lang="en")
    return "<!doctype html>\n" + Tree.tostring(page, encoding="unicode", method="html") + "\n"


def _tag(tag: str, /, *content: Element | str, **attributes: str) -> Element:
    """An element; `class_` is its class."""
    made = Tree.Element(tag, {key.rstrip("_"): value for key, value in attributes.items()})
    for each in content:
        if not isinstance(each, str):
            made.append(each)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + each
        else:
            made.text = (made.text or "") + each
    return made


def _verdict(name: str) -> Element:
    return _tag("span", name, class_=f"verdict {name}")


def _overview(audits: Sequence[Audit], errors: Sequence[tuple[str, str, str]]) -> Element:
    lines: list[tuple[str, Element, str, str]] = [
        (audit.verdict, _tag("a", audit.handler, href=f"#{place}"), audit.event, counts(audit))
        for place, audit in enumerate(audits)
    ]
    lines += [("error", _tag("span", handler), event, message) for handler, event, message in errors]
    return _tag(
        "table",
        *(
            _tag(
                "tr",
                _tag("td", _verdict(verdict)),
                _tag("td", handler, class_="code"),
                _tag("td", event, class_="code"),
                _tag("td", said),
            )
            for verdict, handler, event, said in lines
        ),
        class_="overview",
    )


def _audit(audit: Audit, place: str) -> Element:
    facts = [
        *(("unknown", text) for text in audit.unknowns),
        *(("warning", text) for text in audit.warnings),
        *(("advice", text) for text in audit.advice),
        *(("assumed", text) for text in audit.assumptions),
        *([("hidden", f"{audit.hidden} findings in ways that were not asked for")] if audit.hidden else []),
        ("rests on", f"{', '.join(audit.classes)}; for this event"),
    ]
    return _tag(
        "section",
        _tag("h2", _verdict(audit.verdict), _tag("span", audit.handler, class_="code")),
        _tag("p", _tag("code", audit.event), f" · {counts(audit)}", class_="dim"),
        *([_tag("p", f"because {because(audit)}")] if audit.reason is not None else []),
        *(_finding(audit, finding) for finding in audit.findings),
        _tag("dl", *(each for name, text in facts for each in (_tag("dt", name), _tag("dd", text))), class_="notes"),
        class_="audit",
        id=place,
    )


def _finding(audit: Audit, finding: Finding) -> Element:
    """A card; one that the user lives with is closed."""
    names = [name for name in (finding.basis, finding.standing) if name not in ("observed", "new")]
    head = _tag(
        "h3",
        _tag("span", finding.kind, class_="kind"),
        _tag("code", finding.effect),
        _tag("span", " · ".join([*([str(finding.line)] if finding.line else []), *names]), class_="dim code"),
    )
    body = [
        _tag("p", finding.detail),
        _tag(
            "p",
            _tag("span", finding.when, class_="chip first"),
            *(_tag("span", when, class_="chip") for when in finding.also),
        ),
        _lanes(finding),
        _tag("p", "Fix", class_="label"),
        _tag("pre", finding.fix),
        _tag("p", "See again", class_="label"),
        _tag("pre", again(audit, finding)),
    ]
    if finding.standing == "new":
        return _tag("article", head, *body, class_="finding")
    return _tag("details", _tag("summary", head), *body, class_="finding lived")


def _lanes(finding: Finding) -> Element:
    """The timeline: a lane for each delivery, downwards."""
    found = steps(finding.timeline)
    count = len(found[0].states) if found else 0
    names = _tag("li", *(_tag("span", f"delivery {number}") for number in range(1, count + 1)), class_="names")
    rows = [row for step in found for row in _rows(step, finding)]
    return _tag("div", _tag("ol", names, *rows, class_="lanes", style=f"--count: {count}"), class_="scroll")


def _rows(step: Step, finding: Finding) -> Iterator[Element]:
    if step.row.later:
        yield _tag("li", step.row.later, class_="jump")
    lanes = []
    for number, state in enumerate(step.states, 1):
        is_own = number == step.row.delivery
        shown = " shown" if is_own and _is_shown(step, finding) else ""
        lanes.append(_tag("div", *(_own(step) if is_own else ()), class_=f"lane {state}{shown}"))
    yield _tag("li", *lanes)


def _is_shown(step: Step, finding: Finding) -> bool:
    """Whether it is what the finding is about."""
    return step.operation is not None and step.operation.is_effect and step.operation.line == finding.line


def _own(step: Step) -> Iterable[Element]:
    """What a delivery does in a step."""
    row, operation = step.row, step.operation
    yield _tag("span", f"delivery {row.delivery}: ", class_="hidden")
    if operation is not None:
        yield _tag("span", row.mark, class_="node effect" if operation.is_effect else "node")
        yield _tag("span", operation.title, class_="what code")
        yield _tag("span", operation.summary, class_="sent code")
        yield _tag("span", operation.outcome, class_="came")
    elif row.mark:
        yield _tag("span", row.mark, class_="node cut")
        yield _tag("span", row.what, class_="what cutoff")
    else:
        yield _tag("span", class_="node small")
        yield _tag("span", row.what, class_="came")
