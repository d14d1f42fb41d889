//! Reads a module's code far enough to follow which locals each value on the
//! stack was computed from, block by block.

use std::collections::BTreeSet;

/// A function of the module.
#[derive(Debug)]
pub struct Function {
    /// Its index.
    #[allow(dead_code)]
    pub index: usize,
    /// Wide instructions in it.
    pub wide: usize,
    /// Those of them that multiply.
    pub multiplications: usize,
    /// Byte offsets of wide instructions whose upper half may be read early.
    pub suspicious: Vec<usize>,
}

type Locals = BTreeSet<u64>;

struct Bytes<'a> {
    all: &'a [u8],
    at: usize,
}

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        self.at += 1;
        self.all[self.at - 1]
    }

    fn number(&mut self) -> u64 {
        let (mut value, mut shift) = (0u64, 0);
        loop {
            let byte = self.byte();
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    }

    fn skip(&mut self, len: u64) {
        self.at += len as usize;
    }
}

/// All functions with a body.
pub fn functions(module: &[u8]) -> Vec<Function> {
    let (mut types, mut type_of, mut out) = (Vec::new(), Vec::new(), Vec::new());
    let mut bytes = Bytes { all: module, at: 8 };
    while bytes.at < module.len() {
        let section = bytes.byte();
        let len = bytes.number();
        let end = bytes.at + len as usize;
        let count = if matches!(section, 1 | 2 | 3 | 10) { bytes.number() } else { 0 };
        for _ in 0..count {
            match section {
                1 => types.push(signature(&mut bytes)),
                2 => type_of.push(import(&mut bytes)),
                3 => type_of.push(bytes.number()),
                _ => {
                    let len = bytes.number();
                    let end = bytes.at + len as usize;
                    // Sections come in order, so all types are known; bodies follow imports.
                    let imports = type_of.len() - count as usize;
                    let index = imports + out.len();
                    out.push(Walk::new(&types, &type_of).body(&mut bytes, end, index));
                    bytes.at = end;
                }
            }
        }
        bytes.at = end;
    }
    out
}

fn signature(bytes: &mut Bytes<'_>) -> (usize, usize) {
    assert_eq!(bytes.byte(), 0x60);
    let parameters = bytes.number();
    bytes.skip(parameters);
    let results = bytes.number();
    bytes.skip(results);
    (parameters as usize, results as usize)
}

fn import(bytes: &mut Bytes<'_>) -> u64 {
    for _ in 0..2 {
        let len = bytes.number();
        bytes.skip(len);
    }
    assert_eq!(bytes.byte(), 0, "only functions are imported");
    bytes.number()
}

struct Walk<'a> {
    types: &'a [(usize, usize)],
    type_of: &'a [u64],
    stack: Vec<Locals>,
    /// What lies below the halves of the wide instruction just passed.
    below: Option<Locals>,
}

impl<'a> Walk<'a> {
    fn new(types: &'a [(usize, usize)], type_of: &'a [u64]) -> Self {
        Walk { types, type_of, stack: Vec::new(), below: None }
    }

    fn pop(&mut self, count: usize) -> Locals {
        (0..count).filter_map(|_| self.stack.pop()).flatten().collect()
    }

    fn operate(&mut self, takes: usize, gives: usize) {
        let from = self.pop(takes);
        self.stack.extend(std::iter::repeat_n(from, gives));
    }

    fn body(mut self, bytes: &mut Bytes<'_>, end: usize, index: usize) -> Function {
        for _ in 0..bytes.number() {
            bytes.number();
            bytes.byte();
        }
        let mut function = Function { index, wide: 0, multiplications: 0, suspicious: Vec::new() };
        while bytes.at < end {
            let at = bytes.at;
            let below = self.below.take();
            let opcode = bytes.byte();
            match opcode {
                0x20 => {
                    let local = bytes.number();
                    self.stack.push(BTreeSet::from([local]));
                }
                0x21 | 0x22 => {
                    let local = bytes.number();
                    if below.is_some_and(|below| below.contains(&local)) {
                        function.suspicious.push(at);
                    }
                    if opcode == 0x21 {
                        self.pop(1);
                    }
                }
                0xfc => self.prefixed(bytes, &mut function),
                0xfd => self.vector(bytes),
                _ => self.plain(opcode, bytes),
            }
        }
        function
    }

    fn prefixed(&mut self, bytes: &mut Bytes<'_>, function: &mut Function) {
        match bytes.number() {
            number @ 19..=22 => {
                function.wide += 1;
                function.multiplications += usize::from(number > 20);
                self.operate(if number < 21 { 4 } else { 2 }, 2);
                let below = &self.stack[..self.stack.len() - 2];
                self.below = Some(below.iter().flatten().copied().collect());
            }
            0..=7 => self.operate(1, 1),
            10 => {
                bytes.skip(2);
                self.pop(3);
            }
            11 => {
                bytes.skip(1);
                self.pop(3);
            }
            other => panic!("instruction 0xfc {other}"),
        }
    }

    /// SIMD: values pass through with what they were computed from.
    fn vector(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.number() {
            number @ (0..=11 | 92 | 93) => {
                bytes.number();
                bytes.number();
                self.operate(if number == 11 { 2 } else { 1 }, usize::from(number != 11));
            }
            number @ 84..=91 => {
                bytes.number();
                bytes.number();
                bytes.byte();
                self.operate(2, usize::from(number < 88));
            }
            12 => {
                bytes.skip(16);
                self.operate(0, 1);
            }
            13 => {
                bytes.skip(16);
                self.operate(2, 1);
            }
            number @ 21..=34 => {
                bytes.byte();
                self.operate(if matches!(number, 23 | 26 | 28 | 30 | 32 | 34) { 2 } else { 1 }, 1);
            }
            82 => self.operate(3, 1),
            15..=20
            | 77
            | 83
            | 94
            | 95
            | 96..=100
            | 103..=106
            | 116
            | 117
            | 122
            | 124..=129
            | 131
            | 132
            | 135..=138
            | 160
            | 161
            | 163
            | 164
            | 167..=170
            | 192
            | 193
            | 195
            | 196
            | 199..=202 => self.operate(1, 1),
            _ => self.operate(2, 1),
        }
    }

    fn plain(&mut self, opcode: u8, bytes: &mut Bytes<'_>) {
        match opcode {
            0x00 | 0x0f | 0x05 => self.stack.clear(),
            0x01 | 0x0b => {}
            0x02..=0x04 => {
                bytes.byte();
                self.pop(usize::from(opcode == 0x04));
            }
            0x0c => {
                bytes.number();
                self.stack.clear();
            }
            0x0d | 0x24 => {
                bytes.number();
                self.pop(1);
            }
            0x0e => {
                for _ in 0..=bytes.number() {
                    bytes.number();
                }
                self.stack.clear();
            }
            0x10 => {
                let callee = bytes.number() as usize;
                let (takes, gives) = self.types[self.type_of[callee] as usize];
                self.call(takes, gives);
            }
            0x11 => {
                let (takes, gives) = self.types[bytes.number() as usize];
                bytes.number();
                self.call(takes + 1, gives);
            }
            0x1a => {
                self.pop(1);
            }
            0x1b => self.operate(3, 1),
            0x23 | 0x3f | 0x41 | 0x42 => {
                bytes.number();
                self.operate(0, 1);
            }
            0x28..=0x35 => {
                bytes.number();
                bytes.number();
                self.operate(1, 1);
            }
            0x36..=0x3e => {
                bytes.number();
                bytes.number();
                self.pop(2);
            }
            0x40 => {
                bytes.number();
                self.operate(1, 1);
            }
            0x45 | 0x50 | 0x67..=0x69 | 0x79..=0x7b | 0xa7..=0xc4 => self.operate(1, 1),
            0x46..=0xa6 => self.operate(2, 1),
            other => panic!("instruction {other:#x}: the core has no floats"),
        }
    }

    fn call(&mut self, takes: usize, gives: usize) {
        self.pop(takes);
        self.stack.extend(std::iter::repeat_n(Locals::new(), gives));
    }
}
