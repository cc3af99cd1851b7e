"""The page: whole by itself, with whatever a handler did as text, and a lane for each delivery."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from tests.audit.samples import CRASH, audit, finding, operation
from twicesafe.audit.report.html import as_html
from twicesafe.audit.report.timeline import steps
from twicesafe.audit.results import Moment

VOID = ("meta",)
HOSTILE = '</style><script>alert("1")</script><img src=x onerror=alert(1)>&amp;'


class Page(HTMLParser):
    """What a browser would make of it: each element with its class, and the texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, Any]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def of_class(self, name: str) -> int:
        return sum(name in attributes.get("class", "").split() for _, attributes in self.elements)


def test_it_needs_nothing_from_elsewhere() -> None:
    text = as_html([audit(finding())], [])
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "base"} & {tag for tag, _ in page.elements}
    names = {name for _, attributes in page.elements for name in attributes}
    assert names <= {"charset", "name", "content", "lang", "class", "id", "style"}
    assert "@import" not in text
    assert "url(" not in text


def test_it_is_light_and_dark() -> None:
    text = as_html([audit()], [])
    assert "prefers-color-scheme: dark" in text
    light, dark = re.findall(r":root \{([^}]*)\}", text)
    named = [set(re.findall(r"--\w+(?=: #)", each)) for each in (light, dark)]
    assert named[0] == named[1]
    assert len(named[0]) > 8


def test_what_a_handler_did_is_text_and_never_markup() -> None:
    moment = Moment("operation", 1, 0.0, operation(summary=HOSTILE, outcome=HOSTILE, target=HOSTILE))
    hostile = finding(
        effect=HOSTILE, detail=HOSTILE, fix=HOSTILE, schedule=HOSTILE, timeline=(Moment("begins", 1, 0.0), moment)
    )
    plain = Page(as_html([audit(finding(timeline=hostile.timeline))], []))
    page = Page(as_html([audit(hostile, handler=HOSTILE, event=HOSTILE, unknowns=(HOSTILE,), advice=(HOSTILE,))], []))
    assert not {"script", "img"} & {tag for tag, _ in page.elements + plain.elements}
    assert [text for text in page.texts if HOSTILE in text]


def test_each_delivery_has_a_lane_that_says_what_it_does_meanwhile() -> None:
    assert [step.states for step in steps(CRASH)] == [
        ("begins", "before"),
        ("acts", "before"),
        ("acts", "before"),
        ("ends", "before"),
        ("after", "begins"),
        ("after", "acts"),
        ("after", "ends"),
    ]
    overlapping = (Moment("begins", 1, 0.0), Moment("begins", 2, 1.0), Moment("ends", 2, 1.0), Moment("ends", 1, 1.0))
    assert [step.states for step in steps(overlapping)] == [
        ("begins", "before"),
        ("waits", "begins"),
        ("waits", "ends"),
        ("ends", "after"),
    ]
    assert steps(()) == []


def test_the_lanes_show_where_it_breaks_and_what_happens_twice() -> None:
    page = Page(as_html([audit(finding())], []))
    assert page.of_class("lane") == 2 * len(CRASH)
    assert page.of_class("cut") == 1
    assert page.of_class("shown") == 2
    assert page.of_class("jump") == 1
    assert "2 min later" in page.texts


def test_what_the_user_lives_with_is_folded() -> None:
    page = Page(as_html([audit(finding(), finding(standing="accepted"))], []))
    tags = [tag for tag, _ in page.elements]
    assert (tags.count("article"), tags.count("details")) == (1, 1)


def test_several_audits_have_an_overview_that_leads_to_each() -> None:
    page = Page(as_html([audit(finding()), audit(handler="app:other")], [("app:none", "e.json", "There is none.")]))
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    ids = [attributes["id"] for tag, attributes in page.elements if tag == "section"]
    assert links == [f"#{each}" for each in ids]
    assert [tag for tag, _ in page.elements].count("tr") == 3
    assert "There is none." in page.texts
    assert "table" not in [tag for tag, _ in Page(as_html([audit()], [])).elements]
