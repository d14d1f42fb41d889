//! Looks in the committed module for what LLVM (up to 22) does wrong with wide
//! arithmetic on wasm32 (llvm-project issues 98323 and 199910).
//!
//! `i64.add128` and its kin leave two halves on the stack. Where the lower one
//! is used within an expression whose earlier part uses the upper one, that part
//! reads the upper half's local *before* the instruction has written it. So: at
//! a wide instruction whose upper half goes to local X, nothing that was
//! computed from X may still wait on the stack below.
//!
//! Registers are reused, so long chains of multiplications, and of additions in
//! towers of fields, show the shape without the fault. Those are the field and
//! scalar arithmetic of the curves, which is straight-line code: wrong once would
//! be wrong always, and the tests of signatures on the module would show it
//! (`engines.rs`, `curves.rs`). Everywhere else the shape is refused. Do not use `u128` operators in module code:
//! `bedrock_ledger::amount`.

mod wasm;

use wasm::{functions, Function};

/// Functions with at least so many wide multiplications are the curves'.
const CURVE: usize = 15;
/// As are those with so many wide instructions of any kind: nothing else adds so often.
const TOWER: usize = 300;

fn module() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../executor/module/bedrock.wasm");
    std::fs::read(path).expect("the committed module: build it with hack/wasm/module")
}

#[test]
fn no_upper_half_is_read_before_it_is_written() {
    let functions = functions(&module());
    let wide: usize = functions.iter().map(|function| function.wide).sum();
    assert!(wide > 500, "only {wide} wide instructions: this does not read the module rightly");
    let suspects: Vec<&Function> = functions
        .iter()
        .filter(|f| f.multiplications < CURVE && f.wide < TOWER && !f.suspicious.is_empty())
        .collect();
    assert!(suspects.is_empty(), "upper halves that may be read too early: {suspects:?}");
}

#[test]
fn the_known_fault_is_found() {
    // (i64.ne (local.get 1) (i64.shr_s (mul_wide_s 0 1 -> low; local.set 1) 63)), issue 199910.
    let code = [0x20, 1, 0x20, 0, 0x20, 1, 0xfc, 21, 0x21, 1, 0x42, 63, 0x87, 0x52, 0x0b];
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend([1, 7, 1, 0x60, 2, 0x7e, 0x7e, 1, 0x7f]);
    module.extend([3, 2, 1, 0]);
    module.extend([10, code.len() as u8 + 3, 1, code.len() as u8 + 1, 0]);
    module.extend(code);
    let found = functions(&module);
    assert_eq!((found.len(), found[0].wide, found[0].suspicious.len()), (1, 1, 1));
}
