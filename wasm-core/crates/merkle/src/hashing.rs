//! Hashing in fours: what is to be hashed is listed first, so that the lanes are always full.

use bedrock_crypto::sha256;

use crate::page::{node, NODE};
use crate::Hash;

/// Which of the two kinds of 64-byte message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Node,
    Leaf,
}

impl Kind {
    fn four(self, bodies: [&[u8; NODE]; 4]) -> [Hash; 4] {
        match self {
            Kind::Node => sha256::hash_nodes(bodies),
            Kind::Leaf => sha256::hash_leaves(bodies),
        }
    }

    pub(crate) fn one(self, body: &[u8; NODE]) -> Hash {
        match self {
            Kind::Node => sha256::hash_node(body),
            Kind::Leaf => sha256::hash_leaf(body),
        }
    }

    /// Hashes the bodies at each place of `jobs`, giving `put` the job and the digest.
    pub(crate) fn each<J: Copy>(
        self,
        jobs: &[J],
        bytes: &mut [u8],
        body_at: impl Fn(J) -> usize,
        mut put: impl FnMut(&mut [u8], J, Hash),
    ) {
        let (fours, rest) = jobs.as_chunks::<4>();
        for four in fours {
            let digests = self.four(four.map(|job| node(bytes, body_at(job))));
            for (job, digest) in four.iter().zip(digests) {
                put(bytes, *job, digest);
            }
        }
        for job in rest {
            let digest = self.one(node(bytes, body_at(*job)));
            put(bytes, *job, digest);
        }
    }
}
