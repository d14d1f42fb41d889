//! Export of proofs as ICS-23, for verifiers of other chains, under the proof specification of the `jmt` crate.
//!
//! Absence there is shown by the existence of both neighbours, so it needs their raw keys and values; where the
//! tree is empty there are none. The specification ends at a depth of 64: keys that share more than 63 bits
//! have no ICS-23 proof, though they have native ones.

use std::fmt;

use ics23::commitment_proof::Proof as Kind;
use ics23::{CommitmentProof, ExistenceProof, HashOp, InnerOp, InnerSpec, LeafOp, LengthOp, ProofSpec};

use bedrock_crypto::sha256::{INTERNAL_DOMAIN, LEAF_DOMAIN};

use crate::proof::{End, Proof};
use crate::{key_hash, neighbours, prove, Base, Error, Hash, PageReader, EMPTY_ROOT};

/// Deepest leaf of which the specification admits a proof.
pub const MAX_EXPORT_DEPTH: usize = 64;

/// Why a proof cannot be exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportError<E> {
    /// The tree could not be read.
    Tree(Error<E>),
    /// The tree is empty: there is no neighbour whose existence would show the absence.
    EmptyTree,
    /// A leaf lies deeper than [`MAX_EXPORT_DEPTH`], here; use the native proof.
    Depth(usize),
    /// The state has no raw key and value for a leaf of the tree: not the state of this tree.
    Preimage(Hash),
}

impl<E: fmt::Display> fmt::Display for ExportError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree(error) => error.fmt(f),
            Self::EmptyTree => write!(f, "ICS-23 has no proof of absence from an empty tree"),
            Self::Depth(depth) => {
                write!(f, "a leaf lies {depth} levels deep, ICS-23 proofs end at {MAX_EXPORT_DEPTH}: use the native proof")
            }
            Self::Preimage(_) => write!(f, "the state lacks the key of a leaf of its tree"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for ExportError<E> {}

impl<E> From<Error<E>> for ExportError<E> {
    fn from(error: Error<E>) -> Self {
        Self::Tree(error)
    }
}

/// A raw key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// The specification that exported proofs follow: that of the `jmt` crate.
pub fn spec() -> ProofSpec {
    ProofSpec {
        leaf_spec: Some(leaf_op()),
        inner_spec: Some(InnerSpec {
            hash: HashOp::Sha256.into(),
            child_order: vec![0, 1],
            min_prefix_length: INTERNAL_DOMAIN.len() as i32,
            max_prefix_length: INTERNAL_DOMAIN.len() as i32,
            child_size: 32,
            empty_child: EMPTY_ROOT.to_vec(),
        }),
        min_depth: 0,
        max_depth: MAX_EXPORT_DEPTH as i32,
        prehash_key_before_comparison: true,
    }
}

/// Proves the value, or the absence, of `raw_key` at `base`. `entry` gives the raw key and value of a key hash.
pub fn export<R: PageReader>(
    reader: &mut R,
    base: Base,
    raw_key: &[u8],
    mut entry: impl FnMut(&Hash) -> Result<Option<Entry>, R::Error>,
) -> Result<CommitmentProof, ExportError<R::Error>> {
    let key = key_hash(raw_key);
    let proof = prove(reader, base, &key)?;
    if let End::Present(_) = proof.end {
        let existence = existence(&key, &proof, &mut entry)?;
        return Ok(CommitmentProof { proof: Some(Kind::Exist(existence)) });
    }
    let beside = neighbours(reader, base, &key)?;
    if beside.left.is_none() && beside.right.is_none() {
        return Err(ExportError::EmptyTree);
    }
    let mut side = |leaf: Option<crate::Leaf>| match leaf {
        Some(leaf) => existence(&leaf.key, &prove(reader, base, &leaf.key)?, &mut entry).map(Some),
        None => Ok(None),
    };
    let (left, right) = (side(beside.left)?, side(beside.right)?);
    let absence = ics23::NonExistenceProof { key: raw_key.to_vec(), left, right };
    Ok(CommitmentProof { proof: Some(Kind::Nonexist(absence)) })
}

fn leaf_op() -> LeafOp {
    LeafOp {
        hash: HashOp::Sha256.into(),
        prehash_key: HashOp::Sha256.into(),
        prehash_value: HashOp::Sha256.into(),
        length: LengthOp::NoPrefix.into(),
        prefix: LEAF_DOMAIN.to_vec(),
    }
}

fn existence<E>(
    key: &Hash,
    proof: &Proof,
    entry: &mut impl FnMut(&Hash) -> Result<Option<Entry>, E>,
) -> Result<ExistenceProof, ExportError<E>> {
    let depth = proof.siblings.len();
    if depth > MAX_EXPORT_DEPTH {
        return Err(ExportError::Depth(depth));
    }
    let found = entry(key).map_err(|error| ExportError::Tree(Error::Reader(error)))?;
    let (raw_key, value) = found.ok_or(ExportError::Preimage(*key))?;
    let path = proof.siblings.iter().zip((0..depth).rev()).map(|(sibling, level)| {
        let right = key[level / 8] >> (7 - level % 8) & 1 == 1;
        let mut prefix = INTERNAL_DOMAIN.to_vec();
        let mut suffix = Vec::new();
        if right { &mut prefix } else { &mut suffix }.extend_from_slice(sibling);
        InnerOp { hash: HashOp::Sha256.into(), prefix, suffix }
    });
    Ok(ExistenceProof { key: raw_key, value, leaf: Some(leaf_op()), path: path.collect() })
}
