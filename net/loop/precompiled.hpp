// Headers that are compiled once for all of net/ and above. No source needs this file: each
// includes what it uses.
#pragma once

#include <caf/all.hpp>

#include <spdlog/spdlog.h>

#if FMT_VERSION / 10000 == 9
// libfmt has this; version 9 of its headers does not say so, and each source that logs would
// compile all of formatting again.
extern template void fmt::detail::vformat_to<char>(buffer<char>&, basic_string_view<char>,
                                                   basic_format_args<FMT_BUFFER_CONTEXT(char)>,
                                                   locale_ref);
#endif
