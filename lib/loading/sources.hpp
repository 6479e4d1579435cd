#pragma once

#include "config/content.hpp"
#include "config/value.hpp"
#include "loading/load.hpp"

#include <string>
#include <string_view>
#include <vector>

/// The three places that options come from. Each turns what it finds into `given` values and leaves their meaning to
/// `assign`.
namespace carillon::loading {

using namespace config; // whose options, values and rules are what this room is about

/// One option as a source gives it.
struct given {
    const option* what = nullptr;
    std::vector<std::string> texts;
    std::string source; ///< "flag --shards", "environment variable CARILLON_SHARDS", "carillon.toml:3: shards"
};

/// What the command line holds.
struct command_line {
    std::vector<given> values;
    bool help = false;
    bool version = false;
    bool check_config = false;
    std::string health; ///< the page that --health asks for, "readyz" or "livez"; empty: it was not given
};

/// Options of `which` only, here as below; another program's are refused like unknown ones.
complaint read_flags(program which, int argc, const char* const* argv, command_line& into);

/// Unknown variables that begin with CARILLON_ are refused, except those Kubernetes makes for a service of that name.
complaint read_environment(program which, const environment& variables, std::vector<given>& into);

/// A namespace and where it stands.
struct placed_name_space {
    channels::name_space value;
    std::string source; ///< "carillon.toml:3"
};

/// A proxy and where it stands.
struct placed_proxy {
    proxy value;
    std::string source;
};

/// A key of the server API and where it stands.
struct placed_api_key {
    api_key value;
    std::string file; ///< that has it; empty: it is there
    std::string source;
};

/// What the TOML file holds.
struct file_content {
    std::vector<given> values;
    std::vector<placed_name_space> namespaces;
    std::vector<placed_proxy> proxies;
    std::vector<placed_api_key> api_keys;
};

/// Reads the TOML file: options at its top, then tables. At most 1 MiB.
complaint read_file(program which, const std::string& path, file_content& into);

/// "; did you mean NAME?" with the candidate that is written nearly like `name`, or nothing.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

/// One of the three forms of an option's name: flag_of, variable_of or key_of.
using form = std::string (*)(const option&);
std::string key_of(const option& option); ///< "client_listen"

/// The program's option that is written like this, or null.
const option* find_written(program which, form written, std::string_view name);

/// What to say to `name`, which is no option of the program: that another program has it, or did_you_mean with the
/// program's options and what `more` has.
std::string hint(program which, form written, std::string_view name, std::vector<std::string> more = {});

/// What --help prints.
std::string help_text(program which);

} // namespace carillon::loading
