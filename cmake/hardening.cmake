# carillon_harden(TARGET): what whoever links TARGET is protected with. What each protection is for, and what it costs, is in
# docs/decisions/0022-hardening.md.
function(carillon_harden target)
  # Nothing here is linked into a shared library, so that everything may be compiled for an executable (-fPIC would cost
  # inlining). Sanitizers bring their own idea of the stack and of the libc's functions.
  target_compile_options(${target} INTERFACE -fPIE -fstack-protector-strong)
  target_compile_definitions(${target} INTERFACE _GLIBCXX_ASSERTIONS)
  target_link_options(${target} INTERFACE
    $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie> -Wl,-z,relro,-z,now,-z,noexecstack)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|i.86)$")
    target_compile_options(${target} INTERFACE -fcf-protection)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    target_compile_options(${target} INTERFACE -mbranch-protection=standard)
  endif()
  if(CARILLON_SANITIZE)
    return()
  endif()
  target_compile_options(${target} INTERFACE -fstack-clash-protection)
  # Level 3 needs g++ 12; below it, and without an optimiser, the libc warns of the macro.
  set(fortify 2)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12)
    set(fortify 3)
  endif()
  target_compile_options(${target} INTERFACE
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=${fortify}>)
endfunction()
