#include "actors/client/replay_journal.hpp"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <filesystem>

#include "actors/client/replay_sweeper.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

constexpr auto longest_wait = 60s;
/// Of a file that is not whole yet.
constexpr auto new_suffix = ".new";
/// A file with fewer records than twice this is not worth writing anew.
constexpr std::size_t few_records = std::size_t{1} << 15;
/// Given to the disk at a time, so that no wait for it is long.
constexpr std::size_t sync_step = std::size_t{4} << 20;
/// Records read between two looks at how many handshakes there are.
constexpr std::size_t look_step = std::size_t{1} << 16;

/// When the file was written last, by the clock of then; 0: there is none.
replay_cache::unix_seconds last_written(const std::string& path) {
  struct stat about {};
  return ::lstat(path.c_str(), &about) == 0 ? about.st_mtim.tv_sec : 0;
}

/// Three times what is remembered: the file is written anew at twice that.
std::size_t most_records(const config::replay_cache_settings& bounds) {
  return 3 * std::max(max_replay_items(bounds), 2 * few_records);
}

}  // namespace

void replay_journal::backoff::begin(time_point now) noexcept {
  again_ = now + delay_;
  delay_ = std::min<std::chrono::seconds>(2 * delay_, longest_wait);
}

replay_journal::replay_journal(const std::string& directory, replay_cache& cache,
                               replay_queue& queue, metrics& count_in)
    : directory_{directory},
      path_{directory + "/seen-handshakes"},
      cache_{&cache},
      queue_{&queue},
      written_{count_in.get_counter("mtproto_proxy_replay_file_written_total",
                                    "Handshakes written to the file that remembers them")},
      dropped_{count_in.get_counter("mtproto_proxy_replay_file_dropped_total",
                                    "Handshakes that the file lacked for a while")},
      failed_{count_in.get_counter("mtproto_proxy_replay_file_failed_total",
                                   "Failures to write the file that remembers handshakes")} {}

bool replay_journal::is_wanted(const config::client_config& settings) const noexcept {
  return settings.replay_check_persist && !directory_.empty();
}

void replay_journal::load(const config::client_config& settings, replay_cache::unix_seconds now) {
  if (!is_wanted(settings)) return;
  queue_->keep(true);
  const auto& bounds = settings.replay_cache;
  const auto most = max_replay_items(bounds);
  std::size_t seen = 0;
  const auto remember = [&](replay_record record) {
    // Of a clock that was ahead, or rounded up.
    record.used = std::min(record.used, now);
    cache_->add(record);
    if (++seen % look_step == 0 && cache_->size() > most + most / 8)
      static_cast<void>(clean_replays(*cache_, bounds, now));
  };
  // A machine without a clock of its own begins in the past.
  now = std::max(now, last_written(path_));
  auto opened = replay_file::open(path_, most_records(bounds), remember);
  static_cast<void>(clean_replays(*cache_, bounds, now));
  if (!opened) {
    spdlog::warn("{}: {}; handshakes from before the start may be used again", path_,
                 opened.error());
    return;
  }
  if (!*opened) return;
  auto& found = **opened;
  spdlog::info("{}: {} handshakes read, {} of them are remembered", path_, found.read,
               cache_->size());
  if (found.damaged > 0) spdlog::warn("{}: {} damaged records are left out", path_, found.damaged);
  if (found.too_many > 0)
    spdlog::warn("{}: the first {} records are left out, as there are too many", path_,
                 found.too_many);
  is_complete_ = found.damaged == 0 && found.too_many == 0;
  file_ = std::move(found.file);
  size_ = file_->size();
}

void replay_journal::write(const config::client_config& settings, time_point now) {
  const bool wanted = is_wanted(settings);
  queue_->keep(wanted);
  if (!wanted) return remove();
  is_removed_ = false;
  most_records_ = most_records(settings.replay_cache);
  write_batch(now);
  if (needs_rewrite() && rewrite_wait_.is_over(now)) rewrite(now);
  size_ = file_ ? file_->size() : 0;
}

void replay_journal::finish(time_point now) {
  write_batch(now);
}

void replay_journal::remove() {
  if (directory_.empty() || is_removed_) return;
  is_removed_ = true;
  // Another process may have a file there.
  std::error_code ignored;
  if (file_ || replay_file::lock(path_)) {
    std::filesystem::remove(path_, ignored);
    std::filesystem::remove(path_ + new_suffix, ignored);
  }
  file_.reset();
  is_complete_ = false;
  size_ = 0;
}

void replay_journal::write_batch(time_point now) {
  const auto batch = queue_->take();
  if (append(batch.records, now) && batch.dropped == 0) return;
  dropped_.add(batch.dropped);
  is_complete_ = false;
}

/// Whether the file has them now.
bool replay_journal::append(std::span<const replay_record> records, time_point now) {
  if (records.empty()) return true;
  const bool may = file_ && append_wait_.is_over(now) && file_->records() < most_records_;
  const auto why = may ? file_->append(records) : std::string{};
  if (may && why.empty()) {
    written_.add(records.size());
    append_wait_.reset();
    return true;
  }
  dropped_.add(records.size());
  if (may) fail(why, append_wait_, now);
  return false;
}

bool replay_journal::needs_rewrite() const {
  return !file_ || !is_complete_ || file_->records() > 2 * std::max(cache_->size(), few_records);
}

void replay_journal::rewrite(time_point now) {
  if (const auto why = try_rewrite(now); !why.empty()) return fail(why, rewrite_wait_, now);
  rewrite_wait_.reset();
  append_wait_.reset();
  if (std::exchange(is_failing_, false))
    spdlog::info("{}: written again, with {} handshakes", path_, file_->records());
}

std::string replay_journal::try_rewrite(time_point now) {
  std::error_code ignored;  // creating a file there says why
  std::filesystem::create_directories(directory_, ignored);
  net::unique_fd lock;
  if (!file_) {
    auto locked = replay_file::lock(path_);
    if (!locked) return locked.error();
    lock = std::move(*locked);
  }
  const auto new_path = path_ + new_suffix;
  auto fresh = replay_file::create(new_path);
  if (!fresh) return fresh.error();
  is_complete_ = true;
  auto why = copy_cache(*fresh, now);
  if (why.empty()) why = fresh->rename_to(path_);
  if (why.empty()) {
    file_ = std::move(*fresh);
    return {};
  }
  is_complete_ = false;
  std::filesystem::remove(new_path, ignored);
  return why;
}

/// What comes meanwhile goes into both files: the old one counts until the new one is whole.
std::string replay_journal::copy_cache(replay_file& into, time_point now) {
  std::vector<replay_record> part;
  for (std::size_t i = 0; i < replay_cache::part_count; ++i) {
    part.clear();
    cache_->copy_part(i, part);
    if (auto why = into.append(part); !why.empty()) return why;
    if (into.unsynced() >= sync_step)
      if (auto why = into.sync(); !why.empty()) return why;
    const auto batch = queue_->take();
    if (batch.dropped > 0) {
      dropped_.add(batch.dropped);
      is_complete_ = false;
    }
    if (file_) static_cast<void>(append(batch.records, now));
    if (auto why = into.append(batch.records); !why.empty()) return why;
  }
  return into.sync();
}

void replay_journal::fail(const std::string& why, backoff& wait, time_point now) {
  wait.begin(now);
  failed_.add();
  is_failing_ = true;
  const auto text =
      path_ + ": " + why + "; handshakes are remembered in memory only, until it can be written";
  if (const auto line = warnings_.tell(text, now)) spdlog::warn("{}", *line);
}

}  // namespace mtp::actors
