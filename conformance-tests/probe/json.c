#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char* text;
static size_t used, room;
static int needs_comma;

static void put(const char* bytes, size_t length) {
  if (used + length > room) {
    room = (used + length) * 2 + 4096;
    text = realloc(text, room);
    if (text == NULL) abort();
  }
  memcpy(text + used, bytes, length);
  used += length;
}

static void put_text(const char* words) { put(words, strlen(words)); }

static void put_quoted(const char* value, size_t length) {
  put("\"", 1);
  for (size_t i = 0; i < length; i++) {
    const unsigned char c = (unsigned char)value[i];
    if (c == '"' || c == '\\') {
      put("\\", 1);
      put(value + i, 1);
    } else if (c < 0x20 || c >= 0x7f) {
      // Bytes above 0x7f come out as Latin-1: a report must be JSON whatever the kernel shows.
      char escape[8];
      snprintf(escape, sizeof escape, "\\u%04x", c);
      put_text(escape);
    } else {
      put(value + i, 1);
    }
  }
  put("\"", 1);
}

static void begin_value(const char* name) {
  if (needs_comma) put(",", 1);
  needs_comma = 1;
  if (name == NULL) return;
  put_quoted(name, strlen(name));
  put(":", 1);
}

void json_begin_object(const char* name) {
  begin_value(name);
  put("{", 1);
  needs_comma = 0;
}

void json_end_object(void) {
  put("}", 1);
  needs_comma = 1;
}

void json_begin_list(const char* name) {
  begin_value(name);
  put("[", 1);
  needs_comma = 0;
}

void json_end_list(void) {
  put("]", 1);
  needs_comma = 1;
}

void json_bytes(const char* name, const char* value, size_t length) {
  begin_value(name);
  put_quoted(value, length);
}

void json_string(const char* name, const char* value) { json_bytes(name, value, strlen(value)); }

void json_number(const char* name, long long value) {
  char digits[32];
  snprintf(digits, sizeof digits, "%lld", value);
  begin_value(name);
  put_text(digits);
}

void json_bool(const char* name, int value) {
  begin_value(name);
  put_text(value ? "true" : "false");
}

void json_null(const char* name) {
  begin_value(name);
  put_text("null");
}

void json_format(const char* name, const char* format, ...) {
  char value[4096];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(value, sizeof value, format, arguments);
  va_end(arguments);
  json_string(name, value);
}

void json_flush(int fd) {
  put("\n", 1);
  for (size_t written = 0; written < used;) {
    const ssize_t n = write(fd, text + written, used - written);
    if (n <= 0) _exit(120);
    written += (size_t)n;
  }
  used = 0;
  needs_comma = 0;
}
