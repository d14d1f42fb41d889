//! The two hot requests, read in place.

use crate::generated::{Context, StateRef};
use crate::wire::{Kind, Reader, WireError};
use prost::Message;

/// `bedrock.executor.v1.VerifyRequest`, borrowing its transactions.
#[derive(Debug, Default, PartialEq)]
pub struct VerifyRequest<'a> {
    /// Hash of the chain's genesis document.
    pub genesis_hash: &'a [u8],
    /// Opaque transactions in the order in which verdicts are asked for.
    pub transactions: Vec<&'a [u8]>,
}

/// `bedrock.executor.v1.ExecutionRequest`, borrowing its transactions.
#[derive(Debug, Default, PartialEq)]
pub struct ExecutionRequest<'a> {
    /// State before the block.
    pub state: StateRef,
    /// What the block may know of itself.
    pub context: Context,
    /// Opaque transactions, each accepted by `verify`.
    pub transactions: Vec<&'a [u8]>,
}

impl<'a> VerifyRequest<'a> {
    /// Reads a request; fields that are not known are passed over.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut request = VerifyRequest::default();
        let mut reader = Reader::new(bytes);
        while let Some((number, kind)) = reader.field()? {
            match (number, kind) {
                (1, Kind::Bytes) => request.genesis_hash = reader.bytes()?,
                (2, Kind::Bytes) => request.transactions.push(reader.bytes()?),
                (1 | 2, _) => return Err(WireError("field of another type")),
                _ => reader.skip(kind)?,
            }
        }
        Ok(request)
    }
}

impl<'a> ExecutionRequest<'a> {
    /// Reads a request; fields that are not known are passed over.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut request = ExecutionRequest::default();
        let mut reader = Reader::new(bytes);
        while let Some((number, kind)) = reader.field()? {
            match (number, kind) {
                (1, Kind::Bytes) => merge(&mut request.state, reader.bytes()?)?,
                (2, Kind::Bytes) => merge(&mut request.context, reader.bytes()?)?,
                (3, Kind::Bytes) => request.transactions.push(reader.bytes()?),
                (1..=3, _) => return Err(WireError("field of another type")),
                _ => reader.skip(kind)?,
            }
        }
        Ok(request)
    }
}

fn merge<M: Message>(message: &mut M, bytes: &[u8]) -> Result<(), WireError> {
    message.merge(bytes).map_err(|_| WireError("context or state reference"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated;
    use proptest::prelude::*;

    fn transactions() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)
    }

    proptest! {
        #[test]
        fn reads_what_the_generated_codec_writes(
            transactions in transactions(), hash in prop::collection::vec(any::<u8>(), 0..40),
            height in any::<u64>(), gas in any::<u64>(),
        ) {
            let verify = generated::VerifyRequest {
                genesis_hash: hash.clone(), transactions: transactions.clone(),
            }.encode_to_vec();
            let read = VerifyRequest::decode(&verify).unwrap();
            prop_assert_eq!(read.genesis_hash, &hash[..]);
            prop_assert_eq!(&read.transactions, &transactions);

            let state = StateRef { root: hash.clone(), height, tree_version: gas };
            let context = Context { genesis_hash: hash, height, gas_limit: gas, ..Default::default() };
            let execute = generated::ExecutionRequest {
                state: Some(state.clone()), context: Some(context.clone()),
                transactions: transactions.clone(),
            }.encode_to_vec();
            let read = ExecutionRequest::decode(&execute).unwrap();
            prop_assert_eq!(read.state, state);
            prop_assert_eq!(read.context, context);
            prop_assert_eq!(&read.transactions, &transactions);
        }

        #[test]
        fn judges_any_bytes_as_the_generated_codec(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if VerifyRequest::decode(&bytes).is_ok() {
                // Groups and deprecated wire types are the one difference.
                let known = generated::VerifyRequest::decode(&bytes[..]);
                prop_assert!(known.is_ok());
            }
            let _ = ExecutionRequest::decode(&bytes);
        }
    }
}
