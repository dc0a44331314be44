"""Russian: complete, compiled, and seen on the pages."""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import translation

from django_tasks_poc import EntityWrapper, State
from django_tasks_poc.models import AttemptOutcome, Task, TaskStage
from django_tasks_poc.testing import run_pending
from tests.building import build
from tests.handlers_admin import FanOut

from .catalogue import CATALOGUE, PACKAGE, compiled, made_anew, messages, need_gettext, selected
from .drawings import Stage, run
from .test_timeline import address, fan_out

CYRILLIC = re.compile("[\u0410-\u044f]{3}")


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    """Leave no language behind: a request in Russian leaves its thread with it."""
    with translation.override("en"):
        yield


@pytest.mark.anywhere
class TestCatalogue:
    """What `manage.py makemessages -l ru` and `compilemessages` would do has been done."""

    @pytest.fixture(autouse=True)
    def gettext_tools(self) -> None:
        need_gettext()

    def test_makemessages_finds_nothing_new(self, tmp_path: Path) -> None:
        assert messages(made_anew(tmp_path)) == messages(PACKAGE / CATALOGUE)

    @pytest.mark.parametrize("which", ["--untranslated", "--only-fuzzy", "--only-obsolete"])
    def test_no_message_is_left(self, which: str) -> None:
        assert selected(PACKAGE / CATALOGUE, which) == []

    def test_the_compiled_catalogue_is_fresh(self) -> None:
        assert (PACKAGE / CATALOGUE).with_suffix(".mo").read_bytes() == compiled(PACKAGE / CATALOGUE)


@pytest.mark.anywhere
def test_every_sentence_has_the_same_places_in_both_languages() -> None:
    with (PACKAGE / CATALOGUE).with_suffix(".mo").open("rb") as file:
        catalogue = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    place = re.compile(r"%\(\w+\)[a-z]")
    assert len(catalogue) > 50
    for key, russian in catalogue.items():
        english = key[0] if isinstance(key, tuple) else key
        if english:
            # A plural form may leave out the number; a singular may have it as a word.
            allowed = set(place.findall(english)) | {"%(count)s", "%(starts)s", "%(seconds)s"}
            assert set(place.findall(russian)) <= allowed, english


@pytest.mark.anywhere
@pytest.mark.parametrize(("count", "words"), [(1, "1 этап"), (3, "3 этапа"), (11, "11 этапов"), (21, "21 этап")])
def test_russian_has_its_plural_forms(count: int, words: str) -> None:
    with translation.override("ru"):
        assert translation.ngettext("%(count)s stage", "%(count)s stages", count) % {"count": count} == words


@pytest.mark.anywhere
def test_states_and_models_have_russian_names() -> None:
    with translation.override("ru"):
        for word in (*State.labels, *AttemptOutcome.labels, Task._meta.verbose_name, Task._meta.verbose_name_plural):
            assert CYRILLIC.search(str(word)), word


@pytest.mark.django_db(databases=["default", "even", "odd"])
def test_the_timeline_speaks_russian(client: Client) -> None:
    client.force_login(User.objects.create_superuser("root"))
    task = run(*fan_out(200), parallel=True)
    content = client.get(address(task), headers={"Accept-Language": "ru"}).content.decode()
    assert "Хронология и графики" in content
    assert "200 этапов" in content
    for english in ("Show as a table", "Stages finished", "slowest", "failed attempt", "Timeline"):
        assert english not in content


@pytest.mark.django_db(databases=["default", "even", "odd"])
@pytest.mark.parametrize("page", ["task_changelist", "managerprocess_changelist"])
def test_a_list_speaks_russian(client: Client, page: str) -> None:
    client.force_login(User.objects.create_superuser("root"))
    run(Stage(0, 1), title="Импорт")
    content = client.get(reverse(f"admin:django_tasks_poc_{page}"), headers={"Accept-Language": "ru"}).content.decode()
    ours = content[content.index('id="content"') :]
    assert CYRILLIC.search(ours)


@pytest.mark.django_db(databases=["default", "even", "odd"])
def test_the_log_and_what_is_stored_are_english(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "django_tasks_poc")
    with translation.override("ru"):
        task = build("Import", EntityWrapper(FanOut, {"good": 1, "bad": 1}), unique=False)
        run_pending()
    assert not CYRILLIC.search(caplog.text)
    assert "Task “Rows” failed: 1 succeeded, 1 failed" in caplog.text
    for row in (*Task.objects.filter(root=task), *TaskStage.objects.filter(task__root=task)):
        assert not CYRILLIC.search(row.message)
