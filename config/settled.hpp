// What a running proxy keeps of its settings, whatever its file says by now.
#pragma once

#include "config/settings.hpp"

namespace mtp::config {

/// `wanted` as it can be had without a restart: options whose rows say `restart` are as in
/// `running`, and so are addresses and files that CAF's OpenSSL module uses. With another
/// `node_role` all of `running` is kept, as the file is for another kind of node; with another
/// `node_link.transport` the whole table `[node_link]`, as a cookie, names and certificates go with
/// one transport and would leave the other open.
[[nodiscard]] settings settled(settings wanted, const settings& running);

}  // namespace mtp::config
