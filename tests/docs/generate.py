"""Write the generated pages of the documentation: `python -m tests.docs.generate`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial

from tests.docs.asvs import asvs_page
from tests.docs.booklet_pages import GROUPS, group_page, index_page
from tests.docs.claims_page import claims_page
from tests.docs.knowledge_pages import cards_page, rules_page, value_sets_page
from tests.docs.paths import DOCS
from tests.docs.service_pages import command_line_page, http_page, metrics_page, settings_page
from tests.docs.sign_off_page import sign_off_page
from tests.protocol.table import checklist_page

FOLDER = DOCS
NOTE = "\n<!-- Written by `python -m tests.docs.generate`: change what it is made from, not this page. -->\n"
#: What writes each page, by its path below docs.
PAGES: Mapping[str, Callable[[], str]] = {
    "explanation/source-article.md": claims_page,
    "reference/cards.md": cards_page,
    "reference/cards/index.md": index_page,
    **{f"reference/cards/{group.file}.md": partial(group_page, group) for group in GROUPS},
    "reference/command-line.md": command_line_page,
    "reference/http.md": http_page,
    "reference/metrics.md": metrics_page,
    "reference/protocol-checklist.md": checklist_page,
    "reference/rules.md": rules_page,
    "reference/security.md": asvs_page,
    "reference/settings.md": settings_page,
    "reference/sign-off.md": sign_off_page,
    "reference/value-sets.md": value_sets_page,
}


def written(name: str) -> str:
    """Return the page of that name as it must stand on disk."""
    return PAGES[name]() + NOTE


def main() -> int:
    for name in PAGES:
        page = FOLDER / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(written(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
