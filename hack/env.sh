# Sourced by the scripts in hack/: where things are, and which versions are pinned.
# shellcheck shell=bash disable=SC2034

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Everything that can be rebuilt lives here: tools, the wasm32 std, build folders.
BEDROCK_CACHE=${BEDROCK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/bedrock}

RUST_VERSION=1.95.0
PROTOC_GEN_PROST_VERSION=0.5.0

# The tools' folder is named for what pins them, so that two branches share a cache
# without taking each other's tools.
tools_key() {
  cat "$ROOT/hack/tools/go.mod" "$ROOT/hack/tools/go.sum" | sha256sum | cut -c1-12
}
GO_TOOLS=$BEDROCK_CACHE/tools/go-$(tools_key)
PROST_TOOLS=$BEDROCK_CACHE/tools/protoc-gen-prost-$PROTOC_GEN_PROST_VERSION

# tree_files lists, sorted, the files under the given paths that belong to the tree:
# what git tracks or would, or without git, all but build folders.
tree_files() {
  if git -C "$ROOT" rev-parse --git-dir >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard -- "$@"
  else
    find "$@" -type f -not -path '*/target/*' -not -path './.cache/*' -not -path './bin/*' | sed 's,^\./,,'
  fi | LC_ALL=C sort -u | while read -r f; do [ ! -f "$f" ] || echo "$f"; done
}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
  say "$@"
  exit 1
}

# rust_sysroot prints the folder of a stock Rust $RUST_VERSION: one that rustup has
# under any name, or one that rustup can fetch. Its answer is kept in the cache.
rust_sysroot() {
  local kept=$BEDROCK_CACHE/rust-sysroot-$RUST_VERSION s t
  if [ -r "$kept" ] && s=$(<"$kept") && [ -x "$s/bin/cargo" ] && [ -e "$s/lib/rustlib" ]; then
    echo "$s"
    return
  fi
  PATH=$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin
  command -v rustup >/dev/null ||
    die "Rust $RUST_VERSION is needed and there is no rustup: install it from https://rustup.rs"
  for t in "$RUST_VERSION" $(rustup toolchain list 2>/dev/null | awk '{ print $1 }') fetch; do
    if [ "$t" = fetch ]; then
      say "fetching Rust $RUST_VERSION"
      rustup toolchain install --profile minimal -c clippy -c rustfmt "$RUST_VERSION" >&2 ||
        die "rustup could not fetch Rust $RUST_VERSION: check the network, or install that release and run this again"
      t=$RUST_VERSION
    fi
    s=$(RUSTUP_AUTO_INSTALL=0 rustup run "$t" rustc --print sysroot 2>/dev/null) || continue
    [ "$("$s/bin/rustc" --version 2>/dev/null | cut -d' ' -f2)" = "$RUST_VERSION" ] || continue
    mkdir -p "$BEDROCK_CACHE"
    echo "$s" >"$kept.$$" && mv "$kept.$$" "$kept"
    echo "$s"
    return
  done
  die "rustup has no Rust $RUST_VERSION: run 'rustup toolchain install $RUST_VERSION'"
}
