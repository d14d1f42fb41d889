#ifndef BEDROCK_CRASHFS_H
#define BEDROCK_CRASHFS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crashfs crashfs;

// trash is a folder on the same device where undone deletions are kept.
crashfs* crashfs_new(unsigned long long seed, const char* trash);
void crashfs_free(crashfs* fs);
// A rocksdb_env_t of its own for each open database; the files' account is shared.
void* crashfs_env(crashfs* fs);
void crashfs_crash_after(crashfs* fs, long n);
void crashfs_fail_sync(crashfs* fs);
void crashfs_fill(crashfs* fs);
// The most bytes that a log (*.log) held which RocksDB had not given to the device.
unsigned long long crashfs_most_held(crashfs* fs);
long crashfs_ops(crashfs* fs);
int crashfs_crashed(crashfs* fs);
// Brings files to what a power cut (power != 0) or the end of the process leaves.
// Returns how many files lost something, below 0 on an error.
int crashfs_restart(crashfs* fs, int power);

#ifdef __cplusplus
}
#endif
#endif
