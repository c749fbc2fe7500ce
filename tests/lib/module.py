# lib/module.py - modules of the tests, compiled as somebody would who has the header
import os
import shutil
import subprocess

from policy import ROOT
from tap import Skip


def build_module(source, folder):
    """Compiles a C file; its module is in the folder then."""
    compiler = os.environ.get("CC", "cc").split()
    if shutil.which(compiler[0]) is None:
        raise Skip("no C compiler")
    name = os.path.splitext(os.path.basename(source))[0]
    subprocess.run(compiler + ["-std=gnu11", "-shared", "-fPIC", "-I", os.path.join(ROOT, "core"), "-o",
                               os.path.join(folder, name + ".so"), source], check=True)
