#pragma once

#include "metrics/labelled.hpp"

#include <boost/describe/enum.hpp>

#include <cstdint>

namespace carillon::metrics {

/// What the server API was asked for; `other`: nobody knows, or there is no such method.
BOOST_DEFINE_FIXED_ENUM_CLASS(api_method, std::uint8_t, publish, broadcast, subscribe, unsubscribe, disconnect, refresh,
                              presence, presence_stats, history, history_remove, channels, info, connections, batch,
                              other)

/// How it was answered: with a result, with an error of the API, with an HTTP error, or with 401.
BOOST_DEFINE_FIXED_ENUM_CLASS(api_outcome, std::uint8_t, ok, error, refused, unauthorized)

/// Requests, and the commands of batches: `++counts("publish")(api_outcome::ok)`. Thread: the control plane's.
using api_request_counts = by<api_method, by<api_outcome>>;

} // namespace carillon::metrics
