//! Reading and writing fixed layouts: transactions, evidence, state rows.

use crate::transaction::DecodeError;

/// A cursor that refuses what is cut off.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

const CUT: DecodeError = DecodeError::Malformed("it is cut off");

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(CUT)?;
        self.0 = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(CUT)?;
        self.0 = rest;
        Ok(head)
    }

    /// `count` entries of `N` bytes each.
    pub(crate) fn entries<const N: usize>(&mut self, count: usize) -> Result<&'a [[u8; N]], DecodeError> {
        let len = count.checked_mul(N).ok_or(CUT)?;
        Ok(self.take(len)?.as_chunks::<N>().0)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_le_bytes(*self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_le_bytes(*self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_le_bytes(*self.array()?))
    }

    /// A length and so many bytes, at most `most`.
    pub(crate) fn var(&mut self, most: usize, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let len = self.u32()? as usize;
        if len > most {
            return Err(DecodeError::Malformed(what));
        }
        self.take(len)
    }

    pub(crate) fn end(&self, what: &'static str) -> Result<(), DecodeError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::Malformed(what))
        }
    }
}

/// Writes a length and the bytes.
pub(crate) fn var(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Whether entries of `N` bytes rise strictly by their first 32 bytes.
pub(crate) fn ascending<const N: usize>(entries: &[[u8; N]]) -> bool {
    entries.windows(2).all(|pair| pair[0][..32] < pair[1][..32])
}
