#include "program/import_command.hpp"

#include "config/content.hpp"
#include "migrate/centrifugo.hpp"
#include "migrate/reading.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <system_error>
#include <unistd.h>

namespace carillon::program {

namespace {

constexpr int exit_invalid = 2;
constexpr std::size_t file_bytes_max = 4 * 1024 * 1024;

int refuse(const std::string& line) {
    std::fprintf(stderr, "%s\n", line.c_str());
    return exit_invalid;
}

// A new file, for it may hold secrets of others' eyes; false: errno says why there is none.
bool write_new(const std::string& path, const std::string& content) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) return false;
    std::size_t written = 0;
    while (written < content.size()) {
        const ssize_t part = ::write(file, content.data() + written, content.size() - written);
        if (part < 0 && errno == EINTR) continue;
        if (part <= 0) break;
        written += static_cast<std::size_t>(part);
    }
    return ::close(file) == 0 && written == content.size();
}

int fail(const std::string& path) {
    return refuse(fmt::format("{} cannot be written: {}", path, std::generic_category().message(errno)));
}

void tell(const migrate::migration& made, const std::string& folder, bool files_written) {
    std::size_t counts[3] = {};
    for (const migrate::remark& each : made.remarks) {
        ++counts[static_cast<std::size_t>(each.what)];
        std::fprintf(stderr, "%s  %s: %s\n", std::string{migrate::words_of(each.what)}.c_str(), each.option.c_str(),
                     each.words.c_str());
    }
    for (const migrate::key_file& each : made.files)
        if (!files_written)
            std::fprintf(stderr, "\nSave this as %s%s:\n%s", folder.c_str(), each.name.c_str(), each.content.c_str());
    std::fprintf(stderr, "\n%zu taken over, %zu differ, %zu not there\n", counts[0], counts[1], counts[2]);
}

} // namespace

int run_import_command(int argc, const char* const* argv) {
    std::string from, to;
    CLI::App flags{
        "Makes a configuration of carillon from one of Centrifugo (v5 or v6). What has become of each option "
        "is told on standard error.",
        "carillon import-centrifugo"};
    flags.add_option("FILE", from, "config.json, .yaml or .toml")->required();
    flags.add_option("--output", to, "new file to write, readable for its owner; none: standard output")
        ->type_name("FILE");
    try {
        flags.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        std::printf("%s", flags.help().c_str());
        return 0;
    } catch (const CLI::ParseError& why) { return refuse(why.what()); }

    std::string text;
    if (auto why = config::read_content(from, file_bytes_max, text)) return refuse(fmt::format("{} {}", from, *why));
    const auto read = migrate::read_configuration(text, migrate::language_of(from));
    if (const auto* why = std::get_if<std::string>(&read)) return refuse(fmt::format("{}: {}", from, *why));
    const std::size_t slash = to.rfind('/');
    const std::string folder = slash == to.npos ? "" : to.substr(0, slash + 1);
    const migrate::migration made = migrate::from_centrifugo(std::get<boost::json::object>(read), folder);
    const std::string whole = fmt::format("# Made by carillon import-centrifugo of {}.\n{}",
                                          std::filesystem::path{from}.filename().string(), made.toml);
    if (to.empty()) {
        std::printf("%s", whole.c_str());
    } else {
        if (!write_new(to, whole)) return fail(to);
        for (const migrate::key_file& each : made.files)
            if (!write_new(folder + each.name, each.content)) return fail(folder + each.name);
    }
    tell(made, folder, !to.empty());
    return 0;
}

} // namespace carillon::program
