# Sourced by the scripts in hack/wasm: what the canonical module is made from and how.
# A change of any value here changes the module's bytes, so its hash on every chain.
# shellcheck shell=bash disable=SC2034

TARGET=wasm32-unknown-unknown

# The compiler: the release build of this commit, as rustup distributes it.
RUSTC_COMMIT=59807616e1fa2540724bfbac14d7976d7e4a3860

# The source of std: Debian's package, for the bytes of its library/ tree. The tree's
# hash decides (tree_hash below); the package's only says that a download is whole.
STD_TREE_SHA256=85fa799194ae406a3db64d2424e4f915d466d3456fdd0f756a46367ef4c37698
STD_DEB=rust-src_1.95.0+dfsg1-2~bpo13+1_all.deb
STD_DEB_SHA256=7b76db5b880a77f9e52975d2baa6209d2f76d2c9c2789515c3088cb960e2c83b
STD_DEB_SHA1=97a84b17703ee4e5c190399eef16694be7a3aec2 # names it at snapshot.debian.org

# Linear memory: the linker's ceiling (the host's limit is the engine's, and lower)
# and the shadow stack, in bytes.
MAX_MEMORY=1073741824
STACK_SIZE=262144

# variant_flags prints the code generation flags of a variant, one a line.
#   canonical  what executor/module holds
#   plain      for runtimes without wide arithmetic and SIMD; never on a chain
variant_flags() {
  case $1 in
  canonical)
    echo "-Ctarget-feature=+wide-arithmetic,+simd128,+bulk-memory"
    echo "--cfg=curve25519_dalek_bits=\"64\""
    # Short copies of known length, a digest's or a point's, as loads and stores:
    # memory.copy is a call out of the module, whatever its length.
    echo "-Cllvm-args=-max-store-memcpy=40"
    ;;
  plain)
    echo "-Ctarget-feature=-simd128"
    echo "--cfg=curve25519_dalek_bits=\"32\""
    ;;
  *) die "unknown variant '$1': canonical or plain" ;;
  esac
}

# tree_hash prints the SHA-256 of a folder: of the list, sorted by path, of every
# file's SHA-256 and path. The folder's own name is part of the paths.
tree_hash() {
  (cd "$(dirname "$1")" && find "$(basename "$1")" -type f -print0 | LC_ALL=C sort -z |
    xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
}

# Exit status of every script here when the pinned source cannot be had.
readonly SOURCE_GONE=3

# clean_env unsets what could steer cargo or rustc from outside the recipe.
clean_env() {
  local v
  for v in $(compgen -e); do
    case $v in
    RUSTFLAGS | RUSTC | RUSTC_* | RUSTDOCFLAGS | CARGO_ENCODED_RUSTFLAGS | CARGO_INCREMENTAL | \
      CARGO_PROFILE_* | CARGO_BUILD_* | CARGO_TARGET_* | CARGO_UNSTABLE_* | SOURCE_DATE_EPOCH) unset "$v" ;;
    esac
  done
}

# require_rustc fails unless the toolchain at $1 is the pinned build of the compiler.
require_rustc() {
  local commit
  commit=$("$1/bin/rustc" -vV | awk '$1 == "commit-hash:" { print $2 }')
  [ "$commit" = "$RUSTC_COMMIT" ] && return 0
  say "rustc at $1 is commit '$commit', the canonical module is built by $RUSTC_COMMIT only:" \
    "have rustup install its own Rust $RUST_VERSION"
  exit $SOURCE_GONE
}

# stock_target has rustup bring its own std for the target into the toolchain at $1.
stock_target() {
  [ ! -d "$1/lib/rustlib/$TARGET/lib" ] || return 0
  PATH=$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin
  command -v rustup >/dev/null && rustup target add --toolchain "${1##*/}" "$TARGET" >&2 &&
    [ -d "$1/lib/rustlib/$TARGET/lib" ] ||
    die "no std for $TARGET: neither the pinned source nor rustup's own could be had; set BEDROCK_RUST_SRC to a copy of $STD_DEB, or run 'rustup target add $TARGET'"
}
