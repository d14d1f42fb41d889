//! Many messages of any length.

use super::Digest;

/// Hashes each message: equal to [`super::hash`] of each, faster where the build has vector lanes and four
/// neighbours have as many blocks as each other (keys, rows and transactions of one kind do).
pub fn hash_list(messages: &[&[u8]]) -> Vec<Digest> {
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    return in_lanes(messages);
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    messages.iter().map(|message| super::hash(message)).collect()
}

#[cfg(any(all(target_arch = "wasm32", target_feature = "simd128"), test))]
fn in_lanes(messages: &[&[u8]]) -> Vec<Digest> {
    let mut out = Vec::with_capacity(messages.len());
    let (fours, rest) = messages.as_chunks::<{ super::lanes::LANES }>();
    for four in fours {
        let [a, b, c, d] = four.map(blocks);
        if a == b && a == c && a == d {
            out.extend(super::lanes::hash_messages(*four, a));
        } else {
            out.extend(four.map(super::hash));
        }
    }
    out.extend(rest.iter().map(|message| super::hash(message)));
    out
}

/// Blocks of a message with its padding.
#[cfg(any(all(target_arch = "wasm32", target_feature = "simd128"), test))]
fn blocks(message: &[u8]) -> usize {
    (message.len() + 9).div_ceil(64)
}

#[cfg(test)]
mod tests {
    use super::super::hash;
    use super::*;

    #[test]
    fn lanes_agree_with_single_hashes_at_every_length() {
        let bytes: Vec<u8> = (0..700u32).map(|i| (i * 31 + 7) as u8).collect();
        let same: Vec<&[u8]> = (0..300)
            .flat_map(|len| (0..4).map(move |at| (at, len)))
            .map(|(at, len)| &bytes[at * 90..][..len])
            .collect();
        let mixed: Vec<&[u8]> = (0..301).map(|len| &bytes[len..][..len % 130]).collect();
        for messages in [same, mixed, vec![]] {
            let expected: Vec<Digest> = messages.iter().map(|message| hash(message)).collect();
            assert_eq!(in_lanes(&messages), expected);
            assert_eq!(hash_list(&messages), expected);
        }
    }
}
