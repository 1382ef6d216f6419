// Runs the load generator and reads its report.
#pragma once

#include <map>

#include "bench/servers.hpp"

namespace mtp::bench {

/// What the report calls its values (see load_report.hpp).
using report = std::map<std::string, double>;

/// `load`: the generator's mode and its options. Throws std::runtime_error with what it said if it
/// found something wrong.
report run_load(const server& which, const std::string& protocol,
                const std::vector<std::string>& load, const std::filesystem::path& directory);

}  // namespace mtp::bench
