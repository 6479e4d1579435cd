#pragma once

#include <string>
#include <string_view>

namespace carillon::migrate {

/// Where an option of Centrifugo v5, whose names have no parts ("token_audience"), stands in v6:
/// "client.token.audience". Names that are those of v6 already, and unknown ones, stay as they are.
std::string path_of_flat(std::string_view name);

/// Whether it is an option of channels: "history_size".
bool is_channel_option(std::string_view name);

} // namespace carillon::migrate
