#pragma once

#include "commands/table.hpp"
#include "resp/writer.hpp"

#include <string>
#include <string_view>

// What the bus door says of its commands, in the words of Redis 7.
namespace carillon::commands {

/// Appends the ten values of COMMAND INFO.
void append_info(std::string& out, const entry& of, resp::version dialect);
/// Appends a name and the map that COMMAND DOCS has for it.
void append_docs(std::string& out, const entry& of, resp::version dialect);
/// Appends what COMMAND LIST answers, `args` as they were called. False: they are wrong, and nothing is appended.
bool append_names(std::string& out, resp::arguments args);
/// Appends what HELP answers as a subcommand of `of`.
void append_help(std::string& out, std::string_view of);

} // namespace carillon::commands
