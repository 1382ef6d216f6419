#include "tests/support/process.hpp"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "net/loop/entropy.hpp"
#include "net/loop/socket_address.hpp"
#include "net/loop/unique_fd.hpp"
#include "tests/support/network_namespace.hpp"

namespace mtp::test {

using namespace std::chrono_literals;

void pause_briefly() {
  std::this_thread::sleep_for(5ms);
}

temporary_directory::temporary_directory() {
  auto name = (std::filesystem::temp_directory_path() / "mtproto-proxy-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error{"no temporary directory"};
  path_ = name;
}

temporary_directory::~temporary_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

process::process(const std::string& program, const options& how) : output_{how.output} {
  std::vector<std::string> words{program};
  words.insert(words.end(), how.arguments.begin(), how.arguments.end());
  std::vector<char*> argv;
  for (auto& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error{"fork failed"};
  if (pid_ > 0) return;
  // The child: only async-signal-safe calls, and setenv, which no other thread can be in here.
  if (how.ends_with_parent) prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (how.network != nullptr && ::setns(how.network->fd(), CLONE_NEWNET) != 0) _exit(126);
  const int file = ::open(output_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(file, STDOUT_FILENO);
  ::dup2(file, STDERR_FILENO);
  if (how.max_open_files) {
    const rlimit limit{.rlim_cur = how.max_open_files->soft, .rlim_max = how.max_open_files->hard};
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  for (const auto& variable : how.environment)
    putenv(const_cast<char*>(variable.c_str()));
  if (how.before_program) how.before_program();
  execv(program.c_str(), argv.data());
  _exit(127);
}

process::~process() {
  if (!running()) return;
  signal(SIGTERM);
  if (wait(10s)) return;
  signal(SIGKILL);
  wait(10s);
}

void process::signal(int number) const {
  if (!status_) ::kill(pid_, number);
}

std::optional<int> process::wait(std::chrono::milliseconds limit) {
  const auto ended = [this] {
    if (status_) return true;
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
  };
  static_cast<void>(eventually(ended, limit));
  return status_;
}

bool process::running() {
  return !wait(0ms).has_value();
}

std::string process::output() const {
  std::ifstream in{output_};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::string missing_program(const std::string& name) {
  const char* const path = std::getenv("PATH");
  std::istringstream directories{path != nullptr ? path : ""};
  for (std::string directory; std::getline(directories, directory, ':');)
    if (::access((directory + '/' + name).c_str(), X_OK) == 0) return {};
  return "no program \"" + name + "\" (scripts/packages.sh test)";
}

std::string missing_proc() {
  return std::filesystem::exists("/proc/self/stat") ? "" : "no /proc";
}

void refuse_sockets(int family) {
  constexpr auto call = static_cast<std::uint32_t>(offsetof(seccomp_data, nr));
  // The lower half, on machines that have it in front.
  constexpr auto argument = static_cast<std::uint32_t>(offsetof(seccomp_data, args));
  std::array<sock_filter, 6> rules{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, call),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(family), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{.len = rules.size(), .filter = rules.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    _exit(126);
}

std::uint16_t free_port(bool ipv6) {
  // Below the range from which the kernel serves outgoing connections: no other process takes it by
  // chance.
  constexpr int attempts = 100;
  for (int i = 0; i < attempts; ++i) {
    const endpoint at{.ip = *ip_address::parse(ipv6 ? "::1" : "127.0.0.1"),
                      .port = net::random_between<std::uint16_t>(10000, 32000)};
    const auto address = net::to_socket_address(at);
    const net::unique_fd fd{::socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::bind(fd.get(), address.get(), address.size) == 0) return at.port;
  }
  throw std::runtime_error{"no free port"};
}

}  // namespace mtp::test
