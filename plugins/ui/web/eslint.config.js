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
    files: ["scripts/**", "*.config.js"],
    languageOptions: { globals: { console: "readonly" } },
  },
);
