{
  # For tools that call node-gyp themselves. There is one build, native/CMakeLists.txt, and this only
  # hands over to it; `npm install` calls it directly and so needs neither Python nor Node's headers.
  "targets": [
    {
      "target_name": "tsoci",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake",
          "inputs": ["native/CMakeLists.txt"],
          # Never written, so that the action always runs: CMake knows best what is out of date.
          "outputs": ["always"],
          "action": ["npm", "run", "build:native"],
        },
      ],
    },
  ],
}
