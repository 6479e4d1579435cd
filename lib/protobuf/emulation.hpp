#pragma once

#include "protocol/emulation.hpp"

#include <string_view>

namespace carillon::protobuf {

/// protocol::read_emulation for an EmulationRequest of proto/client.proto. False: `body` is none.
bool read_emulation(std::string_view body, protocol::emulation_request& into);

} // namespace carillon::protobuf
