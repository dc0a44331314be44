"""The files to deploy with: they can be read, name commands and options that exist, and give a manager time to stop."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class

from django_tasks_poc.conf import config
from django_tasks_poc.manager.life import LAST_WORDS

pytestmark = pytest.mark.anywhere

ROOT = Path(__file__).resolve().parent.parent.parent
UNIT = ROOT / "deploy" / "systemd" / "task-manager@.service"
MANIFESTS = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))


def yaml_of(path: Path) -> list[Any]:
    """Return the documents of a YAML file."""
    try:
        import yaml
    except ImportError:
        if os.environ.get("REQUIRE_SERVICES"):
            raise
        pytest.skip("needs PyYAML: pip install -e '.[dev]'")
    return list(yaml.safe_load_all(path.read_text()))


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile, each with its arguments."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(word, rest.strip()) for line in text.splitlines() if line for word, _, rest in [line.partition(" ")]]


def instruction(name: str) -> str:
    """Return the arguments of the last instruction with this name."""
    return [rest for word, rest in instructions() if word == name][-1]


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(UNIT.read_text())
    return parser


def compose() -> dict[str, Any]:
    (found,) = yaml_of(ROOT / "compose.yaml")
    services: dict[str, Any] = found["services"]
    return services


def pods() -> Iterator[dict[str, Any]]:
    for path in MANIFESTS:
        yield from (found["spec"]["template"]["spec"] for found in yaml_of(path) if found["kind"] != "Service")


def understands(arguments: list[str]) -> None:
    """Hold a command line of manage.py to the commands and options that there are."""
    name, *rest = arguments
    command = load_command_class(get_commands()[name], name)
    command.create_parser("manage.py", name).parse_args(rest)


def test_the_image_runs_commands_as_nobody_in_particular_below_an_init() -> None:
    assert json.loads(instruction("ENTRYPOINT")) == ["tini", "--", "python", "manage.py"]
    understands(json.loads(instruction("CMD")))
    assert int(instruction("USER")) > 0
    probe = json.loads(instruction("HEALTHCHECK").partition("CMD ")[2])
    assert probe[:2] == ["python", "manage.py"]
    understands(probe[2:])


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for word, rest in instructions():
        if word == "COPY":
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert source in allowed


def test_the_image_installs_what_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runs = [rest for word, rest in instructions() if word == "RUN"]
    (wheels,) = (shlex.split(run) for run in runs if "pip wheel" in run)
    (extra,) = re.findall(r"\[(\w+)]", wheels[-3])
    assert extra in project["optional-dependencies"]
    assert wheels[-2] in (ROOT / "requirements.txt").read_text().splitlines()
    (version,) = {rest.split()[0] for word, rest in instructions() if word == "FROM"}
    python = re.fullmatch(r"python:(3\.\d+)-slim", version)
    assert python is not None
    assert f"Programming Language :: Python :: {python[1]}" in project["classifiers"]


def test_a_manager_has_the_time_to_stop() -> None:
    needs = config().grace + config().kill_after + LAST_WORDS
    given = [
        compose()["manager"]["stop_grace_period"].removesuffix("s"),
        unit()["Service"]["TimeoutStopSec"],
        *[pod["terminationGracePeriodSeconds"] for pod in pods() if "terminationGracePeriodSeconds" in pod],
    ]
    assert len(given) == 3
    assert all(float(seconds) > needs for seconds in given)


def test_compose_names_what_there_is() -> None:
    services = compose()
    assert set(services) == {"postgres", "migrate", "manager", "web"}
    for name in ("migrate", "manager"):
        understands(services[name]["command"])
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
    settings = (ROOT / "demo_project" / "settings.py").read_text()
    for variable in services["manager"]["environment"]:
        assert f'"{variable}"' in settings


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_a_manifest_is_whole(path: Path) -> None:
    user = int(instruction("USER"))
    for found in yaml_of(path):
        assert {"apiVersion", "kind", "metadata", "spec"} <= set(found)
        if found["kind"] == "Service":
            continue
        pod = found["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsUser"] == user
        if found["kind"] == "Deployment":
            labels = found["spec"]["template"]["metadata"]["labels"]
            assert found["spec"]["selector"]["matchLabels"].items() <= labels.items()
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            volumes = {volume["name"] for volume in pod.get("volumes", [])}
            assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes
            if "command" not in container:  # that of the image
                understands(container["args"])
            if probe := container.get("readinessProbe", {}).get("exec"):
                understands(probe["command"][2:])


def test_the_unit_starts_a_manager_of_its_node(tmp_path: Path) -> None:
    service = unit()["Service"]
    start = shlex.split(service["ExecStart"].replace("%i", "default"))
    assert start[1] == "manage.py"
    understands(start[2:])
    assert (service["KillMode"], service["PrivateTmp"], service["Restart"]) == ("mixed", "no", "always")
    if (analyze := shutil.which("systemd-analyze")) is None:
        return
    here = tmp_path / UNIT.name
    here.write_text(UNIT.read_text().replace("/srv/shop/.venv/bin/python", sys.executable))
    checked = subprocess.run([analyze, "verify", str(here)], capture_output=True, text=True, check=False)
    assert UNIT.stem.partition("@")[0] not in checked.stderr, checked.stderr
