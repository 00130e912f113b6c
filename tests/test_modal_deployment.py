"""What `modal deploy` and `modal run` tell Modal: names, sizes, caps, who may ask, what travels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from resona_core import deployment
from resona_core.explain.explanation import masker_path
from resona_core.settings import SHIPPED_CHECKPOINT, settings
from resona_core.training.fitting.commit import git_commit

ROOT = Path(__file__).parents[1]
PUBLISHED = ["Network.*", "dashboard", "tensorboard"]
WITHOUT_NETWORK = """
import socket
def refuse(*_): raise OSError("no network in this test")
socket.socket.connect = socket.getaddrinfo = refuse
import sys, train_modal, cloud.training
assert "torch" not in sys.modules
print(train_modal.app.name, cloud.training.training.name)
"""
DEPLOYED = """
import json, modal
found, packages = {}, []
def noting(real, names):
    def note(app, **options):
        decorate = real(app, **options)
        def named(target):
            made = decorate(target)
            told = {k: v for k, v in options.items() if isinstance(v, (str, int, float))}
            told |= {k: options[k] for k in ("env", "experimental_options") if k in options}
            found[names or str(made)[len("Function("):-1]] = told
            told["secrets"] = len(options.get("secrets", ()))
            return made
        return named
    return note
modal.App.function = noting(modal.App.function, "")
modal.App.cls = noting(modal.App.cls, "Network")
asked, real = [], modal.asgi_app
modal.asgi_app = lambda **options: asked.append(options) or real(**options)
install = modal.Image.pip_install
def noting_install(image, *names, **options):
    packages.append([*names, options.get("index_url")])
    return install(image, *names, **options)
modal.Image.pip_install = noting_install
files, add_file = [], modal.Image.add_local_file
def noting_file(image, local, there):
    files.append([str(local), there])
    return add_file(image, local, there)
modal.Image.add_local_file = noting_file
told, env = {}, modal.Image.env
modal.Image.env = lambda image, values: told.update(values) or env(image, values)
import train_modal, cloud.images, cloud.training
print(json.dumps({
    "options": found, "told": told, "closed": asked, "packages": packages,
    "files": files,
    "sent": cloud.images.sent_settings(),
    "published": sorted(train_modal.app.registered_functions),
    "run": sorted(cloud.training.training.registered_functions),
}))
"""
IN_A_CONTAINER = """
import modal
modal.is_local = lambda: False
import cloud.training, cloud.serving
print(sorted(cloud.serving.app.registered_functions))
"""


def _python(script: str, home: Path, folder: Path = ROOT, **settings: str) -> str:
    """Run a script where there is no account; return what it prints."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MODAL_", "RESONA_"))}
    environment |= {"HOME": str(home), "MODAL_CONFIG_PATH": str(home / "none.toml")} | settings
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=folder,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_can_be_imported_without_account_network_and_torch(tmp_path: Path) -> None:
    assert _python(WITHOUT_NETWORK, tmp_path) == f"{deployment.APP} {deployment.TRAINING}"


def test_a_container_can_import_what_it_is_sent_and_finds_the_same(tmp_path: Path) -> None:
    for name in ("cloud", "resona_core"):  # neither requirements.txt nor pages lie there
        (tmp_path / name).symlink_to(ROOT / name)
    assert _python(IN_A_CONTAINER, tmp_path, tmp_path) == str(PUBLISHED)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Modal is told when nothing is set."""
    found: dict[str, Any] = json.loads(_python(DEPLOYED, tmp_path_factory.mktemp("home")))
    return found


def test_a_training_publishes_nothing_and_a_deployment_trains_nothing(
    deployed: dict[str, Any],
) -> None:
    assert deployed["run"] == ["make_ready", "train"]
    assert deployed["published"] == PUBLISHED


def test_all_that_is_published_has_a_cap_and_all_that_runs_has_its_size(
    deployed: dict[str, Any],
) -> None:
    options = deployed["options"]
    assert set(options) == {"Network", "dashboard", "tensorboard", "make_ready", "train"}
    assert {name for name, one in options.items() if "gpu" in one} == {"Network", "train"}
    assert all(one["cpu"] > 0 and one["memory"] > 0 for one in options.values())
    caps = {name: one.get("max_containers") for name, one in options.items()}
    assert caps["Network"] == settings().modal_containers
    assert caps["dashboard"] == caps["tensorboard"] == 1
    network = options["Network"]
    used = (network["gpu"], network["cpu"], network["memory"])
    assert used == (deployment.GPU, deployment.CORES, deployment.MEMORY_MIB)  # as it is priced
    assert network["enable_memory_snapshot"] is True
    assert network["experimental_options"] == {"enable_gpu_snapshot": True}


def test_no_visitor_of_the_open_dashboard_reaches_a_gpu_unless_the_owner_says_so(
    deployed: dict[str, Any], tmp_path: Path
) -> None:
    there = deployed["options"]["dashboard"]["env"]
    assert there == {"RESONA_MODAL_SWITCH": "0", "RESONA_RUNS": "/store/runs"}
    told = json.loads(_python(DEPLOYED, tmp_path, RESONA_MODAL_SWITCH="1"))
    assert told["options"]["dashboard"]["env"]["RESONA_MODAL_SWITCH"] == "1"


def test_the_api_is_closed_unless_the_owner_opens_it_and_has_their_settings(
    deployed: dict[str, Any], tmp_path: Path
) -> None:
    assert deployed["closed"] == [{"requires_proxy_auth": True}, {}]  # the API, the dashboard
    assert deployed["sent"] == {}
    told = json.loads(
        _python(
            DEPLOYED, tmp_path, RESONA_MODAL_OPEN="1", RESONA_API_TOKEN="rosebud",
            RESONA_MAX_BYTES="1000", RESONA_THREADS="2", RESONA_MODAL_CONTAINERS="9",
        )
    )  # fmt: skip
    assert told["closed"] == [{"requires_proxy_auth": False}, {}]
    assert told["sent"] == {"RESONA_API_TOKEN": "rosebud", "RESONA_MAX_BYTES": "1000"}
    assert told["options"]["Network"]["max_containers"] == 9
    assert told["options"]["Network"]["secrets"] == told["options"]["dashboard"]["secrets"] == 1


def test_what_runs_on_cpus_carries_no_cuda(deployed: dict[str, Any]) -> None:
    (torch, torchaudio, index), *others = deployed["packages"]
    assert others == []
    assert (torch[:7], torchaudio[:12]) == ("torch==", "torchaudio==")
    assert index == "https://download.pytorch.org/whl/cpu"


def test_a_container_knows_its_weights_and_the_commit_it_was_made_of(
    deployed: dict[str, Any],
) -> None:
    assert deployed["told"] == {
        "RESONA_CHECKPOINT": "/root/network.safetensors",
        "RESONA_GIT_COMMIT": git_commit(),
    }


def test_the_weights_travel_and_the_masker_that_lies_beside_them(
    deployed: dict[str, Any], tmp_path: Path
) -> None:
    """Of the shipped weights, and of others without and with a masker; for GPUs and for CPUs."""
    shipped = SHIPPED_CHECKPOINT
    places = ["/root/network.safetensors", "/root/network.masker.safetensors"]
    sent = [str(shipped), str(masker_path(shipped))]
    assert deployed["files"] == [list(pair) for pair in zip(sent, places, strict=True)] * 2
    own = tmp_path / "mine.safetensors"
    own.touch()
    for maskers in (0, 1):
        told = json.loads(_python(DEPLOYED, tmp_path, RESONA_CHECKPOINT=str(own)))
        assert [there for _, there in told["files"]] == places[: 1 + maskers] * 2
        masker_path(own).touch()
