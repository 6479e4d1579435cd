// carillon-bench: the load generator.
#include "load/program.hpp"

int main(int argc, char** argv) { return carillon::load::run_program(argc, argv); }
