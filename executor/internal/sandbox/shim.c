#define _GNU_SOURCE
#include "shim.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#ifndef BEDROCK_CHECK_HEADERS
#include "_cgo_export.h"
#else
int bedrockImport(uintptr_t, uintptr_t, bd_raw *, uint8_t *, size_t);
#endif

enum { KIND_I32 = 0, EXTERN_FUNC = 0, EXTERN_MEMORY = 3 };

// Modules run on the stacks of the process' threads, whose size follows
// `ulimit -s` and is 2 MiB where that is unlimited. A module that may use that
// much itself would then crash the process instead of trapping, so that threads
// get more; this runs before the Go runtime starts any.
__attribute__((constructor)) static void widen_stacks(void) {
#ifdef __GLIBC__
  pthread_attr_t attr;
  if (pthread_getattr_default_np(&attr) != 0) return;
  if (bd_thread_stack() < BD_THREAD_STACK && pthread_attr_setstacksize(&attr, BD_THREAD_STACK) == 0)
    pthread_setattr_default_np(&attr);
  pthread_attr_destroy(&attr);
#endif
}

size_t bd_thread_stack(void) {
  size_t size = 0;
  pthread_attr_t attr;
  if (pthread_attr_init(&attr) != 0) return 0;
  pthread_attr_getstacksize(&attr, &size);
  pthread_attr_destroy(&attr);
  return size;
}

void bd_config(wasm_config_t *config, uint32_t slots, size_t memory, size_t table_elements, size_t resident, uint32_t warm) {
  wasmtime_config_wasm_exceptions_set(config, false);
  wasmtime_config_wasm_custom_page_sizes_set(config, false);
  wasmtime_config_wasm_stack_switching_set(config, false);
  wasmtime_pooling_allocation_config_t *pool = wasmtime_pooling_allocation_config_new();
  wasmtime_pooling_allocation_config_total_core_instances_set(pool, slots);
  wasmtime_pooling_allocation_config_total_memories_set(pool, slots);
  wasmtime_pooling_allocation_config_total_tables_set(pool, slots);
  wasmtime_pooling_allocation_config_max_memory_size_set(pool, memory);
  wasmtime_pooling_allocation_config_table_elements_set(pool, table_elements);
  wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, resident);
  wasmtime_pooling_allocation_config_max_unused_warm_slots_set(pool, warm);
  wasmtime_pooling_allocation_strategy_set(config, pool);
  wasmtime_pooling_allocation_config_delete(pool);
}

static wasm_trap_t *trap_new(const char *text) { return wasmtime_trap_new(text, strlen(text)); }

// Every import comes here; env is its number.
static wasm_trap_t *import_called(void *env, wasmtime_caller_t *caller, bd_raw *values, size_t count) {
  (void)count;
  wasmtime_context_t *context = wasmtime_caller_context(caller);
  bd_run *run = wasmtime_context_get_data(context);
  if (!run->ready) {
    run->early = true;
    return trap_new("an import was called while the module starts");
  }
  uint8_t *data = wasmtime_memory_data(context, &run->memory);
  size_t size = wasmtime_memory_data_size(context, &run->memory);
  if (bedrockImport(run->host, (uintptr_t)env, values, data, size) != 0) return trap_new("the import failed");
  return NULL;
}

wasmtime_error_t *bd_define(wasmtime_linker_t *linker, const char *module, const char *name, int params, bool result, uintptr_t import) {
  wasm_valtype_t *types[8];
  wasm_valtype_vec_t in, out;
  for (int i = 0; i < params; i++) types[i] = wasm_valtype_new(KIND_I32);
  wasm_valtype_vec_new(&in, params, types);
  if (result) {
    types[0] = wasm_valtype_new(KIND_I32);
    wasm_valtype_vec_new(&out, 1, types);
  } else {
    wasm_valtype_vec_new_empty(&out);
  }
  wasm_functype_t *type = wasm_functype_new(&in, &out);
  wasmtime_error_t *error = wasmtime_linker_define_func_unchecked(
      linker, module, strlen(module), name, strlen(name), type, import_called, (void *)import, NULL);
  wasm_functype_delete(type);
  return error;
}

static size_t take_text(wasm_byte_vec_t *text, char *to, size_t cap) {
  size_t len = text->size < cap ? text->size : cap;
  memcpy(to, text->data, len);
  while (len > 0 && to[len - 1] == 0) len--;
  wasm_byte_vec_delete(text);
  return len;
}

size_t bd_error_text(wasmtime_error_t *error, char *to, size_t cap) {
  wasm_byte_vec_t text;
  wasmtime_error_message(error, &text);
  wasmtime_error_delete(error);
  return take_text(&text, to, cap);
}

// failed takes over error and trap, and tells whether there was one.
static bool failed(bd_run *run, wasmtime_error_t *error, wasm_trap_t *trap) {
  if (trap != NULL) {
    uint8_t code;
    wasm_byte_vec_t text;
    run->status = BD_TRAP;
    if (wasmtime_trap_code(trap, &code)) run->trap_code = code;
    wasm_trap_message(trap, &text);
    run->message_len = take_text(&text, run->message, sizeof run->message);
    wasm_trap_delete(trap);
  }
  if (error != NULL) {
    run->status = BD_ERROR;
    run->message_len = bd_error_text(error, run->message, sizeof run->message);
  }
  return run->status != BD_OK;
}

static bool broken(bd_run *run, const char *text) { return failed(run, NULL, trap_new(text)); }

static bool export_of(bd_run *run, wasmtime_context_t *context, bd_instance *instance, const char *name, size_t len, uint8_t kind, bd_extern *item) {
  if (wasmtime_instance_export_get(context, instance, name, len, item) && item->kind == kind) return true;
  broken(run, "the module lacks an export");
  return false;
}

// copy_in asks the module for room and puts the request there.
static bool copy_in(bd_run *run, wasmtime_context_t *context, bd_instance *instance, const uint8_t *request, size_t len, uint32_t *at) {
  bd_extern alloc;
  bd_raw values[1];
  wasm_trap_t *trap = NULL;
  if (!export_of(run, context, instance, "alloc", 5, EXTERN_FUNC, &alloc)) return false;
  memset(values, 0, sizeof values);
  values[0].i32 = (int32_t)(uint32_t)len;
  wasmtime_error_t *error = wasmtime_func_call_unchecked(context, &alloc.of.func, values, 1, &trap);
  if (failed(run, error, trap)) return false;
  *at = (uint32_t)values[0].i32;
  size_t size = wasmtime_memory_data_size(context, &run->memory);
  if (*at > size || len > size - *at) return !broken(run, "alloc answered with room outside of the memory");
  if (len > 0) memcpy(wasmtime_memory_data(context, &run->memory) + *at, request, len);
  return true;
}

static void run_export(bd_run *run, wasmtime_context_t *context, const wasmtime_instance_pre_t *pre,
                       const char *name, size_t name_len, bool message, const uint8_t *request, size_t len) {
  bd_instance instance;
  bd_extern memory, export;
  bd_raw values[2];
  uint32_t at = 0;
  wasm_trap_t *trap = NULL;
  wasmtime_error_t *error = wasmtime_instance_pre_instantiate(pre, context, &instance, &trap);
  if (failed(run, error, trap)) return;
  if (!export_of(run, context, &instance, "memory", 6, EXTERN_MEMORY, &memory)) return;
  if (!export_of(run, context, &instance, name, name_len, EXTERN_FUNC, &export)) return;
  run->memory = memory.of.memory;
  run->ready = true;
  if (message && !copy_in(run, context, &instance, request, len, &at)) return;
  memset(values, 0, sizeof values);
  values[0].i32 = (int32_t)at;
  values[1].i32 = (int32_t)(uint32_t)len;
  error = wasmtime_func_call_unchecked(context, &export.of.func, values, message ? 2 : 1, &trap);
  if (failed(run, error, trap)) return;
  run->answer = message ? (uint64_t)values[0].i64 : (uint32_t)values[0].i32;
}

bd_run *bd_start(wasm_engine_t *engine, const wasmtime_instance_pre_t *pre, uintptr_t host, const bd_limits *limits,
                 const char *name, size_t name_len, bool message, const uint8_t *request, size_t len) {
  bd_run *run = calloc(1, sizeof *run);
  if (run == NULL) return NULL;
  run->host = host;
  run->trap_code = -1;
  run->store = wasmtime_store_new(engine, run, NULL);
  wasmtime_store_limiter(run->store, limits->memory, limits->table_elements, 1, limits->tables, 1);
  wasmtime_context_t *context = wasmtime_store_context(run->store);
  if (!failed(run, wasmtime_context_set_fuel(context, limits->fuel), NULL))
    run_export(run, context, pre, name, name_len, message, request, len);
  wasmtime_error_t *error = wasmtime_context_get_fuel(context, &run->fuel_left);
  if (error != NULL) wasmtime_error_delete(error);
  if (run->ready) {
    run->data = wasmtime_memory_data(context, &run->memory);
    run->size = wasmtime_memory_data_size(context, &run->memory);
  }
  run->ready = false;
  return run;
}

void bd_end(bd_run *run) {
  wasmtime_store_delete(run->store);
  free(run);
}
