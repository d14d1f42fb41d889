// The slice of the C API of Wasmtime 44 that this package uses, declared by
// hand. With BEDROCK_CHECK_HEADERS the real headers are included first, so that
// a declaration that differs does not compile; a test does that.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef BEDROCK_CHECK_HEADERS
#include <wasmtime.h>
typedef wasmtime_memory_t bd_memory;
typedef wasmtime_func_t bd_func;
typedef wasmtime_instance_t bd_instance;
typedef wasmtime_extern_t bd_extern;
typedef wasmtime_val_raw_t bd_raw;
#else
typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_config_t wasm_config_t;
typedef struct wasm_trap_t wasm_trap_t;
typedef struct wasm_functype_t wasm_functype_t;
typedef struct wasm_valtype_t wasm_valtype_t;
typedef struct wasmtime_linker wasmtime_linker_t;
typedef struct wasmtime_module wasmtime_module_t;
typedef struct wasmtime_store wasmtime_store_t;
typedef struct wasmtime_context wasmtime_context_t;
typedef struct wasmtime_error wasmtime_error_t;
typedef struct wasmtime_caller wasmtime_caller_t;
typedef struct wasmtime_instance_pre wasmtime_instance_pre_t;
typedef struct wasmtime_pooling_allocation_config_t wasmtime_pooling_allocation_config_t;
typedef struct wasm_valtype_vec_t { size_t size; wasm_valtype_t **data; } wasm_valtype_vec_t;
typedef struct wasm_byte_vec_t { size_t size; char *data; } wasm_byte_vec_t;
typedef struct { struct { uint64_t store_id; uint32_t private1; }; uint32_t private2; } bd_memory;
typedef struct { uint64_t store_id; void *private; } bd_func;
typedef struct { uint64_t store_id; size_t private; } bd_instance;
typedef struct { uint64_t store_id; uint32_t private[3]; } bd_global;
typedef struct { uint8_t kind; union { bd_func func; bd_memory memory; bd_global global; } of; } bd_extern;
typedef union { int32_t i32; int64_t i64; uint8_t v128[16]; uint64_t align; } bd_raw;
#endif

_Static_assert(sizeof(bd_memory) == 24, "memory");
_Static_assert(sizeof(bd_func) == 16, "func");
_Static_assert(sizeof(bd_instance) == 16, "instance");
_Static_assert(sizeof(bd_extern) == 32 && offsetof(bd_extern, of) == 8, "extern");
_Static_assert(sizeof(bd_raw) == 16, "raw value");

extern wasm_valtype_t *wasm_valtype_new(uint8_t);
extern void wasm_valtype_vec_new(wasm_valtype_vec_t *, size_t, wasm_valtype_t *const *);
extern void wasm_valtype_vec_new_empty(wasm_valtype_vec_t *);
extern wasm_functype_t *wasm_functype_new(wasm_valtype_vec_t *, wasm_valtype_vec_t *);
extern void wasm_functype_delete(wasm_functype_t *);
extern void wasm_trap_message(const wasm_trap_t *, wasm_byte_vec_t *);
extern void wasm_trap_delete(wasm_trap_t *);
extern void wasm_byte_vec_delete(wasm_byte_vec_t *);
extern wasm_trap_t *wasmtime_trap_new(const char *, size_t);
extern bool wasmtime_trap_code(const wasm_trap_t *, uint8_t *);
extern void wasmtime_error_message(const wasmtime_error_t *, wasm_byte_vec_t *);
extern void wasmtime_error_delete(wasmtime_error_t *);

extern wasmtime_linker_t *wasmtime_linker_new(wasm_engine_t *);
extern void wasmtime_linker_delete(wasmtime_linker_t *);
extern wasmtime_error_t *wasmtime_linker_define_func_unchecked(
    wasmtime_linker_t *, const char *, size_t, const char *, size_t, const wasm_functype_t *,
    wasm_trap_t *(*)(void *, wasmtime_caller_t *, bd_raw *, size_t), void *, void (*)(void *));
extern wasmtime_error_t *wasmtime_linker_instantiate_pre(
    const wasmtime_linker_t *, const wasmtime_module_t *, wasmtime_instance_pre_t **);
extern void wasmtime_instance_pre_delete(wasmtime_instance_pre_t *);
extern wasmtime_error_t *wasmtime_instance_pre_instantiate(
    const wasmtime_instance_pre_t *, wasmtime_context_t *, bd_instance *, wasm_trap_t **);
extern bool wasmtime_instance_export_get(
    wasmtime_context_t *, const bd_instance *, const char *, size_t, bd_extern *);

extern wasmtime_store_t *wasmtime_store_new(wasm_engine_t *, void *, void (*)(void *));
extern void wasmtime_store_delete(wasmtime_store_t *);
extern wasmtime_context_t *wasmtime_store_context(wasmtime_store_t *);
extern void wasmtime_store_limiter(wasmtime_store_t *, int64_t, int64_t, int64_t, int64_t, int64_t);
extern void *wasmtime_context_get_data(const wasmtime_context_t *);
extern wasmtime_error_t *wasmtime_context_set_fuel(wasmtime_context_t *, uint64_t);
extern wasmtime_error_t *wasmtime_context_get_fuel(const wasmtime_context_t *, uint64_t *);
extern wasmtime_context_t *wasmtime_caller_context(wasmtime_caller_t *);
extern wasmtime_error_t *wasmtime_func_call_unchecked(
    wasmtime_context_t *, const bd_func *, bd_raw *, size_t, wasm_trap_t **);
extern uint8_t *wasmtime_memory_data(const wasmtime_context_t *, const bd_memory *);
extern size_t wasmtime_memory_data_size(const wasmtime_context_t *, const bd_memory *);

extern void wasmtime_config_wasm_exceptions_set(wasm_config_t *, bool);
extern void wasmtime_config_wasm_custom_page_sizes_set(wasm_config_t *, bool);
extern void wasmtime_config_wasm_stack_switching_set(wasm_config_t *, bool);
extern wasmtime_pooling_allocation_config_t *wasmtime_pooling_allocation_config_new(void);
extern void wasmtime_pooling_allocation_config_delete(wasmtime_pooling_allocation_config_t *);
extern void wasmtime_pooling_allocation_config_total_core_instances_set(wasmtime_pooling_allocation_config_t *, uint32_t);
extern void wasmtime_pooling_allocation_config_total_memories_set(wasmtime_pooling_allocation_config_t *, uint32_t);
extern void wasmtime_pooling_allocation_config_total_tables_set(wasmtime_pooling_allocation_config_t *, uint32_t);
extern void wasmtime_pooling_allocation_config_max_memory_size_set(wasmtime_pooling_allocation_config_t *, size_t);
extern void wasmtime_pooling_allocation_config_table_elements_set(wasmtime_pooling_allocation_config_t *, size_t);
extern void wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(wasmtime_pooling_allocation_config_t *, size_t);
extern void wasmtime_pooling_allocation_config_max_unused_warm_slots_set(wasmtime_pooling_allocation_config_t *, uint32_t);
extern void wasmtime_pooling_allocation_strategy_set(wasm_config_t *, const wasmtime_pooling_allocation_config_t *);

// Limits of one store; counts, and bytes of linear memory.
typedef struct {
  int64_t memory, table_elements, tables;
  uint64_t fuel;
} bd_limits;

enum { BD_OK = 0, BD_TRAP = 1, BD_ERROR = 2 };

// One run: the store while its answer is read, and what came of it.
typedef struct {
  uintptr_t host;      // handle of the Go side's imports
  bool ready;          // imports may touch the memory
  bool early;          // one was called before
  bd_memory memory;
  wasmtime_store_t *store;
  int status;          // BD_*
  int trap_code;       // -1: none
  uint64_t answer;     // what the export returned
  uint64_t fuel_left;
  uint8_t *data;       // the instance's memory after the run
  size_t size;
  size_t message_len;
  char message[480];
} bd_run;

// Least stack of a thread, and what a new thread has.
#define BD_THREAD_STACK ((size_t)8 << 20)
size_t bd_thread_stack(void);

void bd_config(wasm_config_t *, uint32_t slots, size_t memory, size_t table_elements, size_t resident, uint32_t warm);
wasmtime_error_t *bd_define(wasmtime_linker_t *, const char *module, const char *name, int params, bool result, uintptr_t import);
bd_run *bd_start(wasm_engine_t *, const wasmtime_instance_pre_t *, uintptr_t host, const bd_limits *,
                 const char *name, size_t name_len, bool message, const uint8_t *request, size_t len);
void bd_end(bd_run *);
size_t bd_error_text(wasmtime_error_t *, char *, size_t);
