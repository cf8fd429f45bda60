#!/usr/bin/env bash
# Make .venv in the checkout: the dependencies as wheels, the package itself editable.
#     scripts/setup.sh [extra]        extra: lab, test or dev, as pyproject.toml names them
set -euo pipefail
cd "$(dirname "$0")/.."

extra=${1:-}
venv=.venv

say() { printf '%s\n' "$*" >&2; }

python_version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

# The first Python that is new enough, one that can make a venv before one that cannot.
find_python() {
    local name version enough=
    for name in python3.13 python3.12 python3.11 python3 python3.14 python; do
        version=$(python_version "$name") || continue
        "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { found+=" $name is $version;"; continue; }
        "$name" -c 'import venv, ensurepip' 2>/dev/null && { python=$name; return; }
        enough=${enough:-$name}
    done
    python=$enough
}

make_venv_with_uv() {
    say "Making $venv with uv and ${python:-a Python of its own} …"
    uv venv --quiet --allow-existing --python "${python:->=3.11}" "$venv"
}

make_venv_with_python() {
    if [ -z "$python" ]; then
        say "Python 3.11 or newer is needed; found:${found:- none}. Install python3.11 (Debian 12, Ubuntu 24.04:" \
            "apt-get install python3 python3-venv) or uv, then run this again."
        exit 1
    fi
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        say "$python ($(python_version "$python")) has no venv module; on Debian and Ubuntu the package" \
            "python$(python_version "$python")-venv brings it: apt-get install python$(python_version "$python")-venv"
        exit 1
    fi
    say "Making $venv with $python ($(python_version "$python")) …"
    "$python" -m venv "$venv"
}

install_with_uv() {
    uv pip install --quiet --python "$venv" --only-binary :all: ${extra:+--extra "$extra"} -r pyproject.toml
    uv pip install --quiet --python "$venv" --no-deps -e .
}

install_with_pip() {
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --only-binary :all: -e ".${extra:+[$extra]}"
}

found=
python=
if command -v uv >/dev/null; then tool=uv; else tool=python; fi
if ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    find_python
    make_venv_with_$tool
fi
if [ "$tool" = python ] && ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    "$venv/bin/python" -m ensurepip >/dev/null
fi
say "Installing the package${extra:+ with its extra '$extra'} into $venv …"
if [ "$tool" = uv ]; then install_with_uv; else install_with_pip; fi
touch "$venv/.ready" ${extra:+"$venv/.ready-$extra"}
if [ "$extra" = dev ]; then touch "$venv/.ready-test"; fi
