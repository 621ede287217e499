/* Vectors of names that look alike. */
#include <string.h>

#include "client/core/names/names.h"
#include "own.h"

static const struct {
  const char *why, *a, *b;
} same[] =
    {
        {"the same", "Ana", "Ana"},
        {"case", "Ana", "aNA"},
        {"case of another script", "Анна", "АННА"},
        {"a final sigma", "Γιώργος", "ΓΙΩΡΓΟΣ"},
        {"spaces and punctuation", "Ana  B.", "ana-b"},
        {"a space that is not the usual one", "Ana B",
         "Ana\xc2\xa0\xe3\x80\x80"
         "B"},
        {"an accent", "José", "Jose"},
        {"an accent as a character of its own", "José", "Jose\xcc\x81"},
        {"a variation selector", "Ana", "Ana\xef\xb8\x8f"},
        {"a blank of braille", "Ana",
         "An\xe2\xa0\x80"
         "a"},
        {"a joiner", "Ana", "A\xe2\x80\x8dna"},
        {"a direction mark", "Ana",
         "\xe2\x80\xae"
         "Ana"},
        {"a filler of Hangul", "Ana", "Ana\xe3\x85\xa4"},
        {"a tag", "Ana", "Ana\xf3\xa0\x81\xa1"},
        {"a Cyrillic letter", "Ana", "Аnа"},
        {"all letters Cyrillic", "coop", "соор"},
        {"Greek capitals", "ANA", "ΑΝΑ"},
        {"Greek capitals for a name in lower case", "Ana", "ΑΝΑ"},
        {"full width", "Ana", "Ａｎａ"},
        {"mathematical letters", "Ana", "𝐀𝓷𝕒"},
        {"letters in circles", "Ana", "Ⓐⓝⓐ"},
        {"a digit for a letter", "Bob", "B0b"},
        {"one for l", "Paul", "Pau1"},
        {"a capital I for l", "Paul", "PauI"},
        {"rn for m", "Tom", "Torn"},
        {"a ligature", "Sofia", "Soﬁa"},
        {"a dotless i", "Iris", "Irıs"},
        {"an Arabic letter of another language", "علی", "على"},
        {"a syllable of Hangul and its letters", "한", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab"},
        {"a sign that stands for words", "㌘", "㌘"},
        {"an emoji in two forms", "❤", "❤\xef\xb8\x8f"},
},
  other[] = {
      {"a letter more", "Ana", "Anna"},
      {"another letter", "Ana", "Ada"},
      {"another word", "Ana", "Bo"},
      {"the beginning of it", "Ana", "Ana B"},
      {"a number", "Ana", "Ana 2"},
      {"letters that only rhyme", "Vova", "Nona"},
      {"another Greek letter", "ν", "η"},
      {"a voiced letter of Japanese", "か", "が"},
      {"another syllable of Hangul", "한", "하"},
      {"another emoji", "🐙", "🐻"},
      {"nothing", "", ""},
      {"nothing that is seen", "\xe2\x80\x8b", "\xef\xbb\xbf"},
      {"punctuation alone", "...", "..."},
};

static json_t *pairs(size_t count, bool alike) {
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++) {
    json_t *entry = json_object();
    const char *why = alike ? same[i].why : other[i].why, *a = alike ? same[i].a : other[i].a,
               *b = alike ? same[i].b : other[i].b;
    const pl_view left = {(const uint8_t *)a, strlen(a)}, right = {(const uint8_t *)b, strlen(b)};
    OWN_CHECK(pl_names_alike(left, right) == alike);
    OWN_CHECK(pl_names_alike(right, left) == alike);
    own_set_text(entry, "why", why);
    own_set_text(entry, "a", a);
    own_set_text(entry, "b", b);
    own_append(list, entry);
  }
  return list;
}

json_t *own_names(void) {
  json_t *root = json_object();
  own_set_text(root, "about", "Names that look alike to a reader, and names that do not.");
  OWN_CHECK(json_object_set_new(root, "alike", pairs(PL_ARRAY_LENGTH(same), true)) == 0);
  OWN_CHECK(json_object_set_new(root, "different", pairs(PL_ARRAY_LENGTH(other), false)) == 0);
  return root;
}
