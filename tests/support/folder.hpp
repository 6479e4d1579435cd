#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace carillon::test {

/// A folder of a test's own, for unix sockets, whose names have to be short. It goes with this.
class folder {
public:
    folder() {
        std::string name = std::filesystem::temp_directory_path() / "carillon-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        path = name;
    }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }

    std::string path;
    std::string socket() const { return path + "/s"; }
};

} // namespace carillon::test
