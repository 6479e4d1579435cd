#include "loading/sources.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace carillon::loading {
namespace {

/// CLI11 takes "--bus-listen=" for a flag whose value is the next argument; given as two arguments it is the empty
/// value.
std::vector<std::string> arguments(program which, int argc, const char* const* argv) {
    std::vector<std::string> all;
    for (int index = 1; index < argc; ++index) {
        std::string argument = argv[index];
        const auto* row =
            argument.ends_with('=') ? find_written(which, flag_of, argument.substr(0, argument.size() - 1)) : nullptr;
        const bool empty_value = row != nullptr && !is_boolean(*row);
        if (empty_value) argument.pop_back();
        // The one word that is no flag, for HEALTHCHECK lines that read well.
        if (index == 1 && argument == "health") argument = "--health";
        all.push_back(std::move(argument));
        if (empty_value) all.emplace_back();
    }
    return all;
}

std::string unknown(program which, const std::string& argument) {
    if (!argument.starts_with('-') || argument == "-")
        return fmt::format("argument {} is not expected; every option is given by a flag, see --help",
                           in_quotes(argument));
    const auto name = argument.substr(0, argument.find('='));
    return fmt::format("flag {} is not known{}", in_quotes(name),
                       hint(which, flag_of, name, {"--help", "--version", "--check-config", "--health"}));
}

/// One flag per option; the texts stay as they are, so that all sources are read by the same code.
class parser {
public:
    explicit parser(program which) : which_{which} {
        app_.set_help_flag();
        app_.allow_extras();
        help_ = app_.add_flag("-h,--help");
        version_ = app_.add_flag("--version");
        check_config_ = app_.add_flag("--check-config");
        health_ = app_.add_flag("--health");
        for (const auto& row : options_of(which)) {
            auto* flag = is_boolean(row) ? app_.add_flag(flag_of(row)) : app_.add_option(flag_of(row));
            flag->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
            flags_.emplace_back(&row, flag);
        }
    }

    complaint parse(std::vector<std::string> arguments, command_line& into) {
        const std::string last = arguments.empty() ? std::string{} : arguments.back();
        std::reverse(arguments.begin(), arguments.end()); // as CLI11 wants it
        try {
            app_.parse(std::move(arguments));
        } catch (const CLI::ArgumentMismatch& problem) {
            // Nothing else takes a fixed number of arguments: the flag at the end has no value.
            const auto* row = find_written(which_, flag_of, last);
            return row ? fmt::format("flag {}: it needs a value; give {}", last, values_of(*row)) : problem.what();
        } catch (const CLI::ParseError& problem) { return fmt::format("flag {}", problem.what()); }
        into.help = help_->count() > 0;
        into.version = version_->count() > 0;
        into.check_config = check_config_->count() > 0 && check_config_->as<bool>();
        if (into.help || into.version) return {};
        if (health_->count() > 0) {
            const std::string page = health_->results().front();
            into.health = page == "true" ? "readyz" : page;
            if (into.health != "readyz" && into.health != "livez")
                return fmt::format("flag --health: {} is not a page; give readyz or livez", in_quotes(page));
        }
        if (const auto extra = app_.remaining(); !extra.empty()) return unknown(which_, extra.front());
        for (const auto& [row, flag] : flags_)
            if (flag->count() > 0) into.values.push_back({row, flag->results(), "flag " + flag_of(*row)});
        return {};
    }

private:
    program which_;
    CLI::App app_;
    CLI::Option *help_ = nullptr, *version_ = nullptr, *check_config_ = nullptr, *health_ = nullptr;
    std::vector<std::pair<const option*, CLI::Option*>> flags_;
};

} // namespace

complaint read_flags(program which, int argc, const char* const* argv, command_line& into) {
    return parser{which}.parse(arguments(which, argc, argv), into);
}

} // namespace carillon::loading
