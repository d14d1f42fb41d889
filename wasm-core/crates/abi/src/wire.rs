//! Reading and writing the protobuf wire format in place.

use core::fmt;

/// Why a message could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireError(pub &'static str);

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed message: {}", self.0)
    }
}

/// Kind of a field on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Varint,
    Fixed64,
    Bytes,
    Fixed32,
}

/// A cursor over one message.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// The next field's number and kind; none at the end of the message.
    pub(crate) fn field(&mut self) -> Result<Option<(u32, Kind)>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let kind = match tag & 7 {
            0 => Kind::Varint,
            1 => Kind::Fixed64,
            2 => Kind::Bytes,
            5 => Kind::Fixed32,
            _ => return Err(WireError("unknown wire type")),
        };
        match u32::try_from(tag >> 3) {
            Ok(number) if number != 0 => Ok(Some((number, kind))),
            _ => Err(WireError("field number out of range")),
        }
    }

    pub(crate) fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0u64;
        for i in 0..10 {
            let Some((&byte, rest)) = self.rest.split_first() else {
                return Err(WireError("message ends within a number"));
            };
            self.rest = rest;
            if i == 9 && byte > 1 {
                return Err(WireError("number above 64 bits"));
            }
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WireError("number above 64 bits"))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let len = self.varint()?;
        if len > self.rest.len() as u64 {
            return Err(WireError("field longer than its message"));
        }
        let (field, rest) = self.rest.split_at(len as usize);
        self.rest = rest;
        Ok(field)
    }

    /// Passes over a field that this reader does not know.
    pub(crate) fn skip(&mut self, kind: Kind) -> Result<(), WireError> {
        let width = match kind {
            Kind::Varint => return self.varint().map(|_| ()),
            Kind::Bytes => return self.bytes().map(|_| ()),
            Kind::Fixed64 => 8,
            Kind::Fixed32 => 4,
        };
        if self.rest.len() < width {
            return Err(WireError("message ends within a number"));
        }
        self.rest = &self.rest[width..];
        Ok(())
    }
}

pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn varint_len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// Writes a number field unless it has the default value, as proto3 does.
pub(crate) fn put_number(out: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        put_varint(out, u64::from(field) << 3);
        put_varint(out, value);
    }
}

/// Writes a byte field unless it is empty, as proto3 does.
pub(crate) fn put_bytes(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    if !value.is_empty() {
        put_varint(out, u64::from(field) << 3 | 2);
        put_varint(out, value.len() as u64);
        out.extend_from_slice(value);
    }
}

pub(crate) fn number_len(value: u64) -> usize {
    if value == 0 {
        0
    } else {
        1 + varint_len(value)
    }
}

pub(crate) fn bytes_len(len: usize) -> usize {
    if len == 0 {
        0
    } else {
        1 + varint_len(len as u64) + len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varint_lengths_match_what_is_written() {
        for shift in 0..64 {
            for value in [1u64 << shift, (1u64 << shift) - 1, u64::MAX >> shift] {
                let mut out = Vec::new();
                put_varint(&mut out, value);
                assert_eq!(out.len(), varint_len(value), "{value}");
                assert_eq!(Reader::new(&out).varint(), Ok(value));
            }
        }
    }

    #[test]
    fn broken_numbers_are_refused() {
        for bytes in [&[0x80u8][..], &[0xff; 10], &[0x80; 11]] {
            assert!(Reader::new(bytes).varint().is_err());
        }
    }

    #[test]
    fn a_length_beyond_the_message_is_refused() {
        assert!(Reader::new(&[5, 1, 2]).bytes().is_err());
        let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert!(Reader::new(&huge).bytes().is_err());
    }
}
