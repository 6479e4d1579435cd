#pragma once

#include "loading/load.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace carillon::loading {

using namespace config;

using arguments = std::vector<std::string>;

/// Files of one test, removed at its end.
class folder {
public:
    folder() {
        std::string name = ::testing::TempDir() + "carillon-config-XXXXXX";
        path_ = mkdtemp(name.data());
    }
    ~folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;

    std::string file(const std::string& name, std::string_view content) const {
        const auto path = path_ + "/" + name;
        std::ofstream{path, std::ios::binary} << content;
        return path;
    }

private:
    std::string path_;
};

inline outcome load_for(program which, const arguments& flags, const environment& variables = {}) {
    std::vector<const char*> argv{"program"};
    for (const auto& flag : flags) argv.push_back(flag.c_str());
    return load(which, static_cast<int>(argv.size()), argv.data(), variables);
}

inline outcome load_with(const arguments& flags, const environment& variables = {}) {
    return load_for(program::gateway, flags, variables);
}

inline settings valid_for(program which, const arguments& flags, const environment& variables = {}) {
    auto outcome = load_for(which, flags, variables);
    EXPECT_TRUE(outcome.value.has_value()) << outcome.text;
    EXPECT_EQ(outcome.exit_code, 0);
    return outcome.value.value_or(settings{});
}

inline settings valid(const arguments& flags, const environment& variables = {}) {
    return valid_for(program::gateway, flags, variables);
}

/// The line that refuses this configuration.
inline std::string refused_by(program which, const arguments& flags, const environment& variables = {}) {
    const auto outcome = load_for(which, flags, variables);
    EXPECT_FALSE(outcome.value.has_value());
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(outcome.text.find('\n'), std::string::npos) << outcome.text;
    return outcome.text;
}

inline std::string refused(const arguments& flags, const environment& variables = {}) {
    return refused_by(program::gateway, flags, variables);
}

} // namespace carillon::loading
