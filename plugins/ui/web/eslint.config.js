import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules", "dist"] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  ...tseslint.configs.stylistic,
  { linterOptions: { noInlineConfig: true } }, // no comment turns a rule off
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
    rules: { "max-lines-per-function": ["error", { max: 50, skipBlankLines: false, skipComments: false }] },
  },
  {
    files: ["scripts/**", "*.config.js"],
    languageOptions: { globals: { console: "readonly" } },
  },
);
