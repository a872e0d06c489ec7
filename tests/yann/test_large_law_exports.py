"""A law of 1,801 regions leaves the computer too: as C and as ONNX, with Python's inputs and regions."""

import shutil
import subprocess

import numpy as np
import pytest

from benchmarks.masses import masses_law
from yann import YannActor, export_c, export_onnx

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def masses():
    return masses_law()


@pytest.fixture(scope="module")
def states(masses):
    """The centre of every region, and a point on one facet of each."""
    centres = np.stack([region.centre for region in masses.regions])
    touching = []
    for region in masses.regions:
        room = region.b - region.A @ region.centre
        normal = region.A[room.argmin()] * masses.half_width**2
        touching.append(region.centre + room.min() * normal / (region.A[room.argmin()] @ normal))
    return np.concatenate([centres, touching])


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
def test_c_gives_the_law_in_every_region_and_on_facets(masses, states, tmp_path):
    done = export_c(masses, tmp_path, "masses")
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "masses.h"\nint masses_selftest(void);\nint main(void) {\n'
        "    double x[4], u[1];\n    int inside;\n"
        "    if (masses_selftest() != 0) {\n        return 1;\n    }\n"
        '    while (scanf("%lf %lf %lf %lf", x, x + 1, x + 2, x + 3) == 4) {\n'
        '        inside = masses_eval(x, u);\n        printf("%d %.17g\\n", inside, u[0]);\n    }\n    return 0;\n}\n'
    )
    command = ["gcc", "-std=c89", "-O1", "-DMASSES_NO_MAIN", str(done.source), str(done.selftest)]
    subprocess.run([*command, str(tmp_path / "main.c"), "-o", str(tmp_path / "main")], check=True)
    lines = "\n".join(" ".join(value.hex() for value in state) for state in states.tolist())
    run = subprocess.run([str(tmp_path / "main")], input=lines, capture_output=True, text=True, check=True)
    found = np.array([line.split() for line in run.stdout.splitlines()], dtype=float)
    assert found.shape == (2 * 1801, 2)
    assert (found[:, 0] == 1).all()
    assert np.abs(found[:, 1] - masses.nearest(states)[0][:, 0]).max() <= 1e-12


def test_onnx_gives_the_law_in_every_region_and_on_facets(masses, states, tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    actor = YannActor.from_law(masses)
    path = tmp_path / "masses.onnx"
    export_onnx(actor, path)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    wanted, region, valid = actor.evaluate(states)
    found = session.run(["u", "region", "valid"], {"x": states})
    assert np.abs(np.asarray(found[0]) - wanted).max() <= 1e-12
    assert np.array_equal(np.asarray(found[1]).ravel(), region)
    assert np.array_equal(np.asarray(found[2]).ravel(), valid)
