import subprocess
import sys

from mpc.warm import warm


def test_kernels_are_kept_for_the_next_process():
    warm()
    done = subprocess.run([sys.executable, "-m", "mpc.warm"], capture_output=True, text=True, timeout=300, check=True)
    words = done.stdout.split()
    assert words[:3] == ["kernels", "compiled", "in"]
    assert float(words[3]) < 20
