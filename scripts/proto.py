"""Generates src/mercato/rpc from proto/; with --check only says whether the committed code is fresh."""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
TARGET = ROOT / "src" / "mercato" / "rpc"
_PACKAGE = re.compile(r"\bmercato\.(?=[a-z]+\.v1\b)")
_IMPORT_LINE = re.compile(r"^(?:from|import) mercato\.[a-z]+\.v1\b.*$", re.MULTILINE)


def generate(out: Path) -> None:
    """Writes the whole generated package into the empty folder `out`."""
    sources = sorted(str(p.relative_to(PROTO)) for p in PROTO.rglob("*.proto"))
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    raw = out / "raw"
    raw.mkdir()
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where the plugins live
    outputs = [f"--{kind}_out={raw}" for kind in ("python", "pyi", "grpc_python")]
    outputs.append(f"--mypy_grpc_out=quiet:{raw}")
    if protoc.main(["protoc", f"-I{PROTO}", f"-I{well_known}", *outputs, *sources]) != 0:
        raise SystemExit("protoc failed; see the lines above")
    for path in sorted(raw.rglob("*.py*")):
        target = out / "rpc" / path.relative_to(raw / "mercato")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_rehome(path.read_text(), is_stub=path.suffix == ".pyi"))
    for folder in [out / "rpc", *(p for p in (out / "rpc").rglob("*") if p.is_dir())]:
        (folder / "__init__.py").write_text('"""Generated from proto/ by scripts/proto.py; never edited."""\n')


def _rehome(text: str, *, is_stub: bool) -> str:
    """Moves imports from the proto package root `mercato` to `mercato.rpc`."""
    if is_stub:
        return _PACKAGE.sub("mercato.rpc.", text)
    return _IMPORT_LINE.sub(lambda m: _PACKAGE.sub("mercato.rpc.", m[0]), text)


def _files(folder: Path) -> dict[str, Path]:
    return {str(p.relative_to(folder)): p for p in folder.rglob("*.py*") if p.suffix in (".py", ".pyi")}


def stale(fresh: Path) -> list[str]:
    """Names of generated files that differ from the committed ones, are missing or left over."""
    new, old = _files(fresh), _files(TARGET)
    return sorted(
        name
        for name in new.keys() | old.keys()
        if name not in new or name not in old or not filecmp.cmp(new[name], old[name], shallow=False)
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        generate(Path(scratch))
        fresh = Path(scratch) / "rpc"
        if "--check" in sys.argv[1:]:
            if names := stale(fresh):
                raise SystemExit(f"src/mercato/rpc is stale ({', '.join(names[:5])}); run `make proto`")
            print("generated code is fresh")
            return
        shutil.rmtree(TARGET, ignore_errors=True)
        shutil.copytree(fresh, TARGET)
        print(f"wrote {len(_files(TARGET))} files to {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
