#include "bench/run_load.hpp"

#include <fmt/format.h>

#include <sstream>
#include <stdexcept>

namespace mtp::bench {

namespace {

constexpr std::chrono::minutes longest_run{5};

}  // namespace

report parse_report(const std::string& text) {
  report parsed;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    std::string word;
    if (line.starts_with("thread ")) {
      thread_share share;
      words >> word >> share.process >> share.percent >> std::ws;
      std::getline(words, share.name);
      parsed.threads.push_back(std::move(share));
      continue;
    }
    while (words >> word)
      if (const auto at = word.find('='); at != std::string::npos)
        parsed.values[word.substr(0, at)] = std::stod(word.substr(at + 1));
  }
  return parsed;
}

report run_load(const server& target, const std::string& protocol,
                const std::vector<std::string>& load, const std::filesystem::path& directory) {
  const auto output = directory / "load";
  std::filesystem::remove(output);
  test::process::options how{.arguments = {"--port", std::to_string(target.port()), "--secret",
                                           server::secret(), "--protocol", protocol, "--pid",
                                           fmt::format("{}", fmt::join(target.pids(), ","))},
                             .output = output,
                             .ends_with_parent = true};
  how.arguments.insert(how.arguments.end(), load.begin(), load.end());
  test::process generator{MTP_LOAD_GENERATOR, how};
  if (generator.wait(longest_run) != 0)
    throw std::runtime_error{"the load generator ended with:\n" + generator.output()};
  return parse_report(generator.output());
}

}  // namespace mtp::bench
