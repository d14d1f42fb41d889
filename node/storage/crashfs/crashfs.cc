// See doc.go. The account of files and folder entries, and the wrappers that keep it.
#include "crashfs.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "rocksdb/system_clock.h"

using namespace rocksdb;

namespace {

constexpr uint64_t kSector = 512;

struct FileAccount {
  uint64_t size = 0;
  uint64_t synced = 0;
  uint64_t handed = 0;  // given to the device before more was written
  bool log = false;
};

// One change of a folder that is not synced yet, with what undoes it.
struct Change {
  enum Kind { kCreate, kRename, kDelete } kind;
  std::string from, to;
  std::string kept;  // where the file that vanished lies; empty: none did
  std::shared_ptr<FileAccount> account, replaced;
};

struct Account {
  std::mutex mu;
  std::mt19937_64 rng;
  std::string trash;
  long ops = 0, crash_at = 0, kept = 0;
  uint64_t most_held = 0;  // the most that any log held back from the device
  bool crashed = false, fail_sync = false, full = false;
  std::map<std::string, std::shared_ptr<FileAccount>> files;
  std::vector<Change> journal;

  // Counts a change. Returns whether it still takes effect. From the crash on
  // nothing does, in silence: the process that asks is dead already.
  bool step() {
    if (crashed) return false;
    ops++;
    if (crash_at == 0 || ops < crash_at) return true;
    crashed = true;
    return rng() % 2 == 0;
  }

  std::string keep(const std::string& path) {
    std::string to = trash + "/" + std::to_string(kept++);
    return ::rename(path.c_str(), to.c_str()) == 0 ? to : std::string();
  }

  void sync_folder() {
    for (auto& c : journal) {
      if (!c.kept.empty()) ::unlink(c.kept.c_str());
    }
    journal.clear();
  }

  void undo(const Change& c) {
    switch (c.kind) {
      case Change::kCreate:
        ::unlink(c.to.c_str());
        files.erase(c.to);
        break;
      case Change::kRename:
        ::rename(c.to.c_str(), c.from.c_str());
        files[c.from] = c.account;
        files.erase(c.to);
        [[fallthrough]];
      case Change::kDelete:
        if (!c.kept.empty()) {
          ::rename(c.kept.c_str(), c.to.c_str());
          files[c.to] = c.replaced;
        }
    }
  }

  // Leaves of the unsynced part of a file what chance has it.
  int lose(const std::string& path, FileAccount* f) {
    if (f->size <= f->synced) return 0;
    // RocksDB reads no MANIFEST with a hole in its tail: it relies on file systems
    // that make a file longer only after its data is written (ext4 ordered, xfs).
    bool manifest = path.find("/MANIFEST-") != std::string::npos;
    switch (rng() % (manifest ? 2 : 3)) {
      case 0:
        break;
      case 1:
        f->size = f->synced + rng() % (f->size - f->synced);
        if (::truncate(path.c_str(), static_cast<off_t>(f->size)) != 0) return -1;
        break;
      default: {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        for (uint64_t at = f->synced / kSector * kSector; at < f->size; at += kSector) {
          if (rng() % 2) continue;
          uint64_t from = std::max(at, f->synced), to = std::min(at + kSector, f->size);
          file.seekp(static_cast<std::streamoff>(from));
          file.write(std::string(to - from, '\0').data(), static_cast<std::streamsize>(to - from));
        }
        if (!file.good()) return -1;
      }
    }
    f->synced = f->size;
    return 1;
  }

  int restart(bool power) {
    int lost = 0;
    if (power) {
      size_t durable = journal.empty() ? 0 : rng() % (journal.size() + 1);
      while (journal.size() > durable) {
        undo(journal.back());
        journal.pop_back();
      }
      for (auto& entry : files) {
        if (!entry.second) continue;  // never written through here
        int n = lose(entry.first, entry.second.get());
        if (n < 0) return n;
        lost += n;
      }
      sync_folder();
    }
    crashed = false;
    crash_at = 0;
    fail_sync = full = false;
    return lost;
  }
};

class CrashFile : public FSWritableFileOwnerWrapper {
 public:
  CrashFile(std::unique_ptr<FSWritableFile>&& t, std::shared_ptr<Account> a, std::shared_ptr<FileAccount> f,
            const FileOptions& o)
      : FSWritableFileOwnerWrapper(std::move(t)),
        account_(std::move(a)),
        file_(std::move(f)),
        one_by_one_(o.strict_bytes_per_sync) {}

  IOStatus Append(const Slice& data, const IOOptions& o, IODebugContext* d) override {
    std::lock_guard<std::mutex> l(account_->mu);
    if (account_->full) return IOStatus::NoSpace("simulated: No space left on device");
    if (!account_->step()) return IOStatus::OK();
    Slice part(data.data(), account_->crashed ? account_->rng() % (data.size() + 1) : data.size());
    IOStatus s = target()->Append(part, o, d);
    if (s.ok()) file_->size += part.size();
    if (file_->log) account_->most_held = std::max(account_->most_held, file_->size - file_->handed);
    return s;
  }
  IOStatus Append(const Slice& data, const IOOptions& o, const DataVerificationInfo&, IODebugContext* d) override {
    return Append(data, o, d);
  }
  IOStatus Truncate(uint64_t size, const IOOptions& o, IODebugContext* d) override {
    std::lock_guard<std::mutex> l(account_->mu);
    if (account_->crashed) return IOStatus::OK();
    file_->size = size;
    file_->synced = std::min(file_->synced, size);
    return target()->Truncate(size, o, d);
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    std::lock_guard<std::mutex> l(account_->mu);
    if (account_->fail_sync) {
      account_->fail_sync = false;
      return IOStatus::IOError("simulated failure of a sync");
    }
    if (account_->step()) file_->synced = file_->handed = file_->size;
    return IOStatus::OK();
  }
  IOStatus Fsync(const IOOptions& o, IODebugContext* d) override { return Sync(o, d); }
  // Promises nothing after a power cut. Where RocksDB asks for one piece at a time, all up to here but this piece
  // is on the device.
  IOStatus RangeSync(uint64_t offset, uint64_t bytes, const IOOptions&, IODebugContext*) override {
    std::lock_guard<std::mutex> l(account_->mu);
    if (one_by_one_) file_->handed = std::max(file_->handed, offset + bytes);
    return IOStatus::OK();
  }
  IOStatus Allocate(uint64_t, uint64_t, const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  void PrepareWrite(size_t, size_t, const IOOptions&, IODebugContext*) override {}

 private:
  std::shared_ptr<Account> account_;
  std::shared_ptr<FileAccount> file_;
  bool one_by_one_;
};

class CrashFolder : public FSDirectoryWrapper {
 public:
  CrashFolder(std::unique_ptr<FSDirectory>&& t, std::shared_ptr<Account> a)
      : FSDirectoryWrapper(std::move(t)), account_(std::move(a)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    std::lock_guard<std::mutex> l(account_->mu);
    if (account_->step()) account_->sync_folder();
    return IOStatus::OK();
  }
  IOStatus FsyncWithDirOptions(const IOOptions& o, IODebugContext* d, const DirFsyncOptions&) override {
    return Fsync(o, d);
  }

 private:
  std::shared_ptr<Account> account_;
};

class CrashFileSystem : public FileSystemWrapper {
 public:
  explicit CrashFileSystem(std::shared_ptr<Account> a)
      : FileSystemWrapper(FileSystem::Default()), account_(std::move(a)) {}
  const char* Name() const override { return "CrashFileSystem"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& o, std::unique_ptr<FSWritableFile>* r,
                           IODebugContext* d) override {
    std::lock_guard<std::mutex> l(account_->mu);
    if (!account_->step()) {
      // Somewhere to write to, out of the way.
      std::unique_ptr<FSWritableFile> nowhere;
      IOStatus s = target()->NewWritableFile(account_->trash + "/" + std::to_string(account_->kept++), o, &nowhere, d);
      if (s.ok()) r->reset(new CrashFile(std::move(nowhere), account_, std::make_shared<FileAccount>(), o));
      return s;
    }
    std::string kept;
    std::shared_ptr<FileAccount> replaced;
    struct stat st;
    if (::stat(name.c_str(), &st) == 0) {
      kept = account_->keep(name);
      replaced = account_->files[name];
    }
    std::unique_ptr<FSWritableFile> file;
    IOStatus made = target()->NewWritableFile(name, o, &file, d);
    if (!made.ok()) return made;
    auto f = std::make_shared<FileAccount>();
    f->log = name.size() > 4 && name.compare(name.size() - 4, 4, ".log") == 0;
    account_->files[name] = f;
    if (!kept.empty()) account_->journal.push_back({Change::kDelete, "", name, kept, nullptr, replaced});
    account_->journal.push_back({Change::kCreate, "", name, "", f, nullptr});
    r->reset(new CrashFile(std::move(file), account_, f, o));
    return IOStatus::OK();
  }
  IOStatus ReopenWritableFile(const std::string&, const FileOptions&, std::unique_ptr<FSWritableFile>*,
                              IODebugContext*) override {
    return IOStatus::NotSupported("reopening a file");
  }
  IOStatus ReuseWritableFile(const std::string& name, const std::string& old, const FileOptions& o,
                             std::unique_ptr<FSWritableFile>* r, IODebugContext* d) override {
    IOStatus s = RenameFile(old, name, IOOptions(), d);
    return s.ok() ? NewWritableFile(name, o, r, d) : s;
  }
  IOStatus NewDirectory(const std::string& name, const IOOptions& o, std::unique_ptr<FSDirectory>* r,
                        IODebugContext* d) override {
    std::unique_ptr<FSDirectory> dir;
    IOStatus s = target()->NewDirectory(name, o, &dir, d);
    if (s.ok()) r->reset(new CrashFolder(std::move(dir), account_));
    return s;
  }
  IOStatus DeleteFile(const std::string& name, const IOOptions&, IODebugContext*) override {
    std::lock_guard<std::mutex> l(account_->mu);
    if (!account_->step()) return IOStatus::OK();
    std::string kept = account_->keep(name);
    if (kept.empty()) return IOStatus::PathNotFound(name);
    account_->journal.push_back({Change::kDelete, "", name, kept, nullptr, account_->files[name]});
    account_->files.erase(name);
    return IOStatus::OK();
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& o, IODebugContext* d) override {
    std::lock_guard<std::mutex> l(account_->mu);
    if (!account_->step()) return IOStatus::OK();
    Change c{Change::kRename, from, to, "", account_->files[from], nullptr};
    struct stat st;
    if (::stat(to.c_str(), &st) == 0) {
      c.kept = account_->keep(to);
      c.replaced = account_->files[to];
    }
    IOStatus renamed = target()->RenameFile(from, to, o, d);
    if (!renamed.ok()) return renamed;
    account_->files[to] = c.account;
    account_->files.erase(from);
    account_->journal.push_back(c);
    return IOStatus::OK();
  }
  IOStatus LinkFile(const std::string&, const std::string&, const IOOptions&, IODebugContext*) override {
    return IOStatus::NotSupported("hard links");
  }

 private:
  std::shared_ptr<Account> account_;
};

// What RocksDB's C interface calls an environment.
struct CEnv {
  Env* rep;
  bool is_default;
};

// RocksDB sleeps a second after each failed background write.
class HastyClock : public SystemClockWrapper {
 public:
  HastyClock() : SystemClockWrapper(SystemClock::Default()) {}
  const char* Name() const override { return "HastyClock"; }
  void SleepForMicroseconds(int micros) override { target_->SleepForMicroseconds(std::min(micros, 1000)); }
};

class CrashEnv : public EnvWrapper {
 public:
  explicit CrashEnv(std::unique_ptr<Env>&& files) : EnvWrapper(std::move(files)) {
    file_system_ = target()->GetFileSystem();
    system_clock_ = std::make_shared<HastyClock>();
  }
  const char* Name() const override { return "CrashEnv"; }
};

}  // namespace

struct crashfs {
  std::shared_ptr<Account> account = std::make_shared<Account>();
};

extern "C" {

crashfs* crashfs_new(unsigned long long seed, const char* trash) {
  auto* fs = new crashfs;
  fs->account->rng.seed(seed);
  fs->account->trash = trash;
  return fs;
}

void crashfs_free(crashfs* fs) { delete fs; }

void* crashfs_env(crashfs* fs) {
  auto env = NewCompositeEnv(std::make_shared<CrashFileSystem>(fs->account));
  return new CEnv{new CrashEnv(std::move(env)), false};
}

void crashfs_crash_after(crashfs* fs, long n) {
  std::lock_guard<std::mutex> l(fs->account->mu);
  fs->account->crash_at = fs->account->ops + n;
}

void crashfs_fail_sync(crashfs* fs) {
  std::lock_guard<std::mutex> l(fs->account->mu);
  fs->account->fail_sync = true;
}

void crashfs_fill(crashfs* fs) {
  std::lock_guard<std::mutex> l(fs->account->mu);
  fs->account->full = true;
}

unsigned long long crashfs_most_held(crashfs* fs) {
  std::lock_guard<std::mutex> l(fs->account->mu);
  return fs->account->most_held;
}

long crashfs_ops(crashfs* fs) {
  std::lock_guard<std::mutex> l(fs->account->mu);
  return fs->account->ops;
}

int crashfs_crashed(crashfs* fs) {
  std::lock_guard<std::mutex> l(fs->account->mu);
  return fs->account->crashed ? 1 : 0;
}

int crashfs_restart(crashfs* fs, int power) {
  std::lock_guard<std::mutex> l(fs->account->mu);
  return fs->account->restart(power != 0);
}
}
