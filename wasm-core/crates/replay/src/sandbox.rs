//! A module on wasmi, each call in a fresh instance.

use crate::engine::Export;
use crate::host::CallHost;
use crate::state::Base;
use bedrock_abi::{Fault, Host};
use wasmi::{Caller, Config, Linker, Memory, Module, Store};

/// What `address ‖ length` answers when state does not verify.
const UNVERIFIABLE_STATE: u64 = 0xFFFF_FFFF_0000_0000;

/// Where the module's own stack begins: it grows down to address 0 (link flag
/// `stack-size`, the data comes after it).
const STACK_TOP: usize = 256 << 10;

/// What a call may use.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Fuel; none: not counted.
    pub fuel: Option<u64>,
    /// Bytes of the engine's value stack; none: its default.
    pub stack: Option<usize>,
}

/// What a call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Fuel, if it is counted.
    pub fuel: u64,
    /// Bytes of the stack that the module keeps in its memory.
    pub stack: usize,
}

/// A loaded module.
pub struct Sandbox {
    engine: wasmi::Engine,
    module: Module,
    fuel: Option<u64>,
}

struct Data<B> {
    host: CallHost<B>,
    fault: Option<Fault>,
    answer: Vec<u8>,
    usage: Usage,
}

impl Sandbox {
    /// Loads a module; an error says what is wrong with it.
    pub fn new(module: &[u8]) -> Result<Self, String> {
        Self::limited(module, Limits::default())
    }

    /// Loads a module whose calls have limits.
    pub fn limited(module: &[u8], limits: Limits) -> Result<Self, String> {
        let mut config = Config::default();
        config.wasm_wide_arithmetic(true).consume_fuel(limits.fuel.is_some());
        if let Some(stack) = limits.stack {
            config.set_min_stack_height(stack.min(1_024)).set_max_stack_height(stack);
        }
        let engine = wasmi::Engine::new(&config);
        let module =
            Module::new(&engine, module).map_err(|error| format!("the module does not load: {error}"))?;
        Ok(Sandbox { engine, module, fuel: limits.fuel })
    }

    /// Runs one call and gives the host back.
    pub fn call<B: Base + 'static>(
        &self,
        export: Export,
        request: &[u8],
        host: CallHost<B>,
    ) -> (Result<Vec<u8>, Fault>, CallHost<B>) {
        let (answer, host, _) = self.metered(export, request, host);
        (answer, host)
    }

    /// Runs one call and says what it used.
    pub fn metered<B: Base + 'static>(
        &self,
        export: Export,
        request: &[u8],
        host: CallHost<B>,
    ) -> (Result<Vec<u8>, Fault>, CallHost<B>, Usage) {
        let data = Data { host, fault: None, answer: Vec::new(), usage: Usage::default() };
        let mut store = Store::new(&self.engine, data);
        let result = self.run(&mut store, export, request);
        let Data { host, fault, usage, .. } = store.into_data();
        let result = result.map_err(|error| fault.unwrap_or_else(|| Fault::module(error)));
        (result.and_then(|answer| answer.ok_or_else(|| Fault::state("the module says so"))), host, usage)
    }

    /// The answer; none where the module says that the state does not verify.
    fn run<B: Base + 'static>(
        &self,
        store: &mut Store<Data<B>>,
        export: Export,
        request: &[u8],
    ) -> Result<Option<Vec<u8>>, String> {
        let failed = |error: wasmi::Error| format!("{} on wasmi: {error}", export.name());
        if let Some(fuel) = self.fuel {
            store.set_fuel(fuel).map_err(failed)?;
        }
        let mut linker = Linker::new(&self.engine);
        link(&mut linker).map_err(failed)?;
        let instance = linker.instantiate_and_start(&mut *store, &self.module).map_err(failed)?;
        let memory = instance.get_memory(&*store, "memory").ok_or("the module exports no memory")?;
        let alloc = instance.get_typed_func::<u32, u32>(&*store, "alloc").map_err(failed)?;
        let at = alloc.call(&mut *store, request.len() as u32).map_err(failed)?;
        memory.write(&mut *store, at as usize, request).map_err(|error| error.to_string())?;
        let call = instance.get_typed_func::<(u32, u32), u64>(&*store, export.name()).map_err(failed)?;
        let packed = call.call(&mut *store, (at, request.len() as u32)).map_err(failed)?;
        if let Some(fuel) = self.fuel {
            store.data_mut().usage.fuel = fuel - store.get_fuel().map_err(failed)?;
        }
        let stack = memory.data(&*store).get(..STACK_TOP).unwrap_or_default();
        let unused = stack.iter().position(|&byte| byte != 0).unwrap_or(stack.len());
        store.data_mut().usage.stack = stack.len() - unused;
        if packed == UNVERIFIABLE_STATE {
            return Ok(None);
        }
        let (start, len) = ((packed >> 32) as usize, packed as u32 as usize);
        let answer = memory.data(&*store).get(start..start + len);
        Ok(Some(answer.ok_or("the answer lies outside of the memory")?.to_vec()))
    }
}

fn memory_of<B: 'static>(caller: &Caller<'_, Data<B>>) -> Result<Memory, wasmi::Error> {
    let memory = caller.get_export("memory").and_then(|export| export.into_memory());
    memory.ok_or_else(|| wasmi::Error::new("the module exports no memory"))
}

/// Hands a request to an import and leaves its answer in the store's data.
fn import<B: Base + 'static, T>(
    caller: &mut Caller<'_, Data<B>>,
    (at, len): (u32, u32),
    run: impl FnOnce(&mut CallHost<B>, &[u8], &mut Vec<u8>) -> Result<T, Fault>,
) -> Result<T, wasmi::Error> {
    let (bytes, data) = memory_of(caller)?.data_and_store_mut(caller);
    let request = bytes.get(at as usize..at as usize + len as usize);
    data.answer.clear();
    let result = match request {
        Some(request) => run(&mut data.host, request, &mut data.answer),
        None => Err(Fault::module("a request outside of the memory")),
    };
    result.map_err(|fault| {
        let error = wasmi::Error::new(fault.to_string());
        data.fault = Some(fault);
        error
    })
}

/// Copies the answer into the module's buffer if it fits, and says its length.
fn deliver<B: 'static>(
    caller: &mut Caller<'_, Data<B>>,
    (out, capacity): (u32, u32),
) -> Result<u32, wasmi::Error> {
    let (bytes, data) = memory_of(caller)?.data_and_store_mut(caller);
    let len = data.answer.len();
    if len <= capacity as usize {
        let room = bytes.get_mut(out as usize..out as usize + len);
        room.ok_or_else(|| wasmi::Error::new("a buffer outside of the memory"))?
            .copy_from_slice(&data.answer);
    }
    Ok(len as u32)
}

fn link<B: Base + 'static>(linker: &mut Linker<Data<B>>) -> Result<(), wasmi::Error> {
    type In<'a, B> = Caller<'a, Data<B>>;
    let module = "bedrock";
    linker.func_wrap(module, "state_read", |mut c: In<'_, B>, at: u32, len: u32, out: u32, cap: u32| {
        import(&mut c, (at, len), |host, request, answer| host.state_read(request, answer))?;
        deliver(&mut c, (out, cap))
    })?;
    linker.func_wrap(module, "state_write", |mut c: In<'_, B>, at: u32, len: u32| {
        import(&mut c, (at, len), |host, request, _| host.state_write(request))
    })?;
    linker.func_wrap(module, "emit_event", |mut c: In<'_, B>, at: u32, len: u32| {
        import(&mut c, (at, len), |host, request, _| host.emit_event(request))
    })?;
    linker.func_wrap(module, "consume_gas", |mut c: In<'_, B>, at: u32, len: u32| {
        import(&mut c, (at, len), |host, request, _| host.consume_gas(request))
    })?;
    linker.func_wrap(module, "block_metadata", |mut c: In<'_, B>, out: u32, cap: u32| {
        import(&mut c, (0, 0), |host, _, answer| host.block_metadata(answer))?;
        deliver(&mut c, (out, cap))
    })?;
    Ok(())
}
