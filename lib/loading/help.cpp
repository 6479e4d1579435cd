#include "loading/sources.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace carillon::loading {
namespace {

constexpr std::size_t width = 100;

/// Appends the words of `text` in lines that begin with `indent` spaces.
void append_wrapped(std::string& to, std::string_view text, std::size_t indent) {
    std::size_t column = width;
    while (!text.empty()) {
        const auto word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(word.size() + 1, text.size()));
        const bool fits = column + 1 + word.size() <= width;
        if (!fits) to += '\n';
        to.append(fits ? 1 : indent, ' ').append(word);
        column = (fits ? column + 1 : indent) + word.size();
    }
}

std::string_view about(program which) {
    return which == program::gateway ? "a notification gateway" : "the bus that several notification gateways share";
}

void append_option(std::string& to, const option& row) {
    to += fmt::format("\n  {}", flag_of(row));
    append_wrapped(to, row.help, 6);
    append_wrapped(to, fmt::format("Give {}; default {}.", values_of(row), default_of(row)), 6);
}

} // namespace

std::string help_text(program which) {
    std::string text =
        fmt::format("{0} " CARILLON_VERSION ": {1}\n\nUsage: {0} [flags]\n\n", name_of(which), about(which));
    text += "Every option has one name in three forms: the flag --bus-listen is the environment variable\n"
            "CARILLON_BUS_LISTEN and the key bus_listen of the TOML file. A flag wins over the environment,\n"
            "the environment over the file.\n\n"
            "  -h, --help        Print this text.\n"
            "  --version         Print the version.\n"
            "  --check-config    Check the configuration without starting; exit code 0 if it is valid, else 2.\n"
            "  --health[=PAGE]   Ask the program that runs with this configuration for /readyz, or for /livez\n"
            "                    with --health=livez; exit code 0 if all is well, else 1. The word health\n"
            "                    does the same.";
    if (which == program::gateway)
        text += "\n\n  carillon token    Print a token for trying out; carillon token --help says how.\n"
                "  carillon upgrade  Take over from the running gateway; with its options, upgrade_socket among them.\n"
                "  carillon import-centrifugo FILE\n"
                "                    Print the configuration that one of Centrifugo becomes here.";
    std::string_view group;
    for (const auto& row : options_of(which)) {
        if (row.group != group) text += fmt::format("\n\n{}:", row.group);
        group = row.group;
        append_option(text, row);
    }
    return text;
}

} // namespace carillon::loading
