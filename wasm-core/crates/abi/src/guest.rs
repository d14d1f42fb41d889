//! The imports and exports of a module in the sandbox. All `unsafe` of the
//! core is here.
//!
//! The host calls `alloc`, copies the request in, calls the export and copies
//! the answer out; each call runs in a fresh instance, so nothing is freed.

use crate::host::{Fault, Host};

#[link(wasm_import_module = "bedrock")]
unsafe extern "C" {
    fn state_read(req: *const u8, req_len: usize, out: *mut u8, out_cap: usize) -> usize;
    fn state_write(req: *const u8, req_len: usize);
    fn emit_event(req: *const u8, req_len: usize);
    fn consume_gas(req: *const u8, req_len: usize) -> u32;
    fn block_metadata(out: *mut u8, out_cap: usize) -> usize;
}

/// Answer of an export that was handed state that does not verify.
const UNVERIFIABLE_STATE: i64 = 0xFFFF_FFFF_0000_0000_u64 as i64;

/// The host that runs this module.
pub struct Imports;

/// Calls an import that answers to the end of a buffer, growing it when told to.
fn append(answer: &mut Vec<u8>, call: impl Fn(*mut u8, usize) -> usize) -> Result<(), Fault> {
    for _ in 0..2 {
        let (before, room) = (answer.len(), answer.spare_capacity_mut());
        let capacity = room.len();
        let len = call(room.as_mut_ptr().cast(), capacity);
        if len <= capacity {
            // SAFETY: the host wrote `len` bytes behind the others, which are within capacity.
            unsafe { answer.set_len(before + len) };
            return Ok(());
        }
        answer.reserve_exact(len);
    }
    Err(Fault::state("an import asks for more room than it asked for"))
}

impl Host for Imports {
    fn state_read(&mut self, request: &[u8], answer: &mut Vec<u8>) -> Result<(), Fault> {
        append(answer, |out, cap| {
            // SAFETY: both ranges are this module's own for the call's time.
            unsafe { state_read(request.as_ptr(), request.len(), out, cap) }
        })
    }

    fn state_write(&mut self, request: &[u8]) -> Result<(), Fault> {
        // SAFETY: the host only reads the range.
        unsafe { state_write(request.as_ptr(), request.len()) };
        Ok(())
    }

    fn emit_event(&mut self, request: &[u8]) -> Result<(), Fault> {
        // SAFETY: the host only reads the range.
        unsafe { emit_event(request.as_ptr(), request.len()) };
        Ok(())
    }

    fn consume_gas(&mut self, request: &[u8]) -> Result<u32, Fault> {
        // SAFETY: the host only reads the range.
        Ok(unsafe { consume_gas(request.as_ptr(), request.len()) })
    }

    fn block_metadata(&mut self, answer: &mut Vec<u8>) -> Result<(), Fault> {
        answer.clear();
        append(answer, |out, cap| {
            // SAFETY: the range is this module's own for the call's time.
            unsafe { block_metadata(out, cap) }
        })
    }
}

/// Room for a request of `len` bytes, never freed.
pub fn alloc(len: usize) -> *mut u8 {
    Box::leak(Box::<[u8]>::new_uninit_slice(len.max(1))).as_mut_ptr().cast()
}

/// Runs an export on the request at `ptr` and answers with its result's
/// address in the upper and length in the lower 32 bits. A fault of the module
/// is a trap; one of the state has an answer of its own.
pub fn call(ptr: u32, len: u32, export: impl FnOnce(&mut Imports, &[u8]) -> Result<Vec<u8>, Fault>) -> i64 {
    // SAFETY: the host filled `len` bytes at `ptr`, which `alloc` answered.
    let request = unsafe { core::slice::from_raw_parts(ptr as *const u8, len as usize) };
    match export(&mut Imports, request) {
        Ok(answer) => {
            let answer: &'static mut [u8] = answer.leak();
            (((answer.as_ptr() as u64) << 32) | answer.len() as u64) as i64
        }
        Err(Fault::State(_)) => UNVERIFIABLE_STATE,
        Err(Fault::Module(_)) => core::arch::wasm32::unreachable(),
    }
}
