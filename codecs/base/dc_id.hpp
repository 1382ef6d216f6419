// Numbers of Telegram's data centers.
#pragma once

#include <cstdint>

namespace mtp {

/// A data center as clients and config name it: media is negative, CDN is 203, tests 10000 and
/// more.
using dc_id = std::int16_t;

}  // namespace mtp
