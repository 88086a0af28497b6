"""The script that PyInstaller bundles."""

from oscbridge_bundle.program import main

if __name__ == "__main__":
    main()
