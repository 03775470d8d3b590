"""Card text is converted to a few HTML tags, and nothing in it becomes a tag."""

from __future__ import annotations

import pytest

from cds_service.console.markup import markdown, template_renderer
from cds_service.knowledge.load import national_rules


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("One line.", "<p>One line.</p>"),
        ("Two\nlines.", "<p>Two lines.</p>"),
        ("- one\n- two", "<ul><li>one</li><li>two</li></ul>"),
        ("**Why**\n\n- 38 ng/mL", "<p><strong>Why</strong></p>\n<ul><li>38 ng/mL</li></ul>"),
        ("**Rule:** below 75. **Source:** X", "<p><strong>Rule:</strong> below 75. <strong>Source:</strong> X</p>"),
        ("", ""),
        ("<img src=x onerror=alert(1)>", "<p>&lt;img src=x onerror=alert(1)&gt;</p>"),
        ("- **<b>**", "<ul><li><strong>&lt;b&gt;</strong></li></ul>"),
        ("a \" and ' and &", "<p>a &#34; and &#39; and &amp;</p>"),
        ("[x](https://example.org)", "<p>[x](https://example.org)</p>"),
        ("- one\nnot a list", "<p>- one not a list</p>"),
    ],
)
def test_the_markdown_subset_is_converted(text: str, html: str) -> None:
    assert markdown(text) == html


def test_placeholders_show_limits_as_values_and_facts_by_name() -> None:
    shown = template_renderer(national_rules())("Ferritin {ferritin}: at or below {limit_ferritin_low}")
    assert 'Ferritin <span class="slot">value</span>' in shown
    assert 'on <span class="slot">day</span>' in template_renderer(national_rules())("on {day}")
    assert '<span class="limit">75 ng/mL</span>' in shown


def test_every_placeholder_of_card_wording_is_rendered() -> None:
    rules = national_rules()
    words = template_renderer(rules)
    texts = [text for decision in rules.decisions.values() for text in decision.because.values()]
    texts += [card.recommendation for decision in rules.decisions.values() for card in decision.cards.values()]
    assert not [text for text in texts if "{" in words(text)]
