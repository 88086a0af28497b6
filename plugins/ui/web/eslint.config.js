import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules", "dist"] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  ...tseslint.configs.stylistic,
  {
    rules: {
      "@typescript-eslint/no-non-null-assertion": "off", // where the reader sees it
      eqeqeq: "error",
      "max-lines": ["error", 320],
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "Everything from the network is text." },
        { property: "outerHTML", message: "Everything from the network is text." },
      ],
      "no-restricted-syntax": [
        "error",
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: "Everything from the network is text.",
        },
      ],
    },
  },
  {
    ignores: ["**/*.test.ts"], // functions of tests contain the tests
    rules: { "max-lines-per-function": ["error", 50] },
  },
  {
    files: ["**/*.tsx"], // most of a component is its markup
    rules: { "max-lines-per-function": ["error", 90] },
  },
  {
    files: ["scripts/**", "*.config.js"],
    languageOptions: { globals: { console: "readonly" } },
  },
);
